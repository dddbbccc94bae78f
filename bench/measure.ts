import { Figures } from './figures.ts'
import { type Place, startWorkers, type Worker } from './processes.ts'
import { variants } from './variants.mjs'
import type { VariantName, WorkloadName } from './worker.mjs'
import { type Row, type Workload, workloads } from './workloads.mjs'

export interface Plan {
  readonly variants: readonly VariantName[]
  readonly workloads: readonly WorkloadName[]
  /** Some rows of the workloads; all by default. */
  readonly rows?: readonly string[]
  /** Of each variant and workload, one after the other: two processes of the same program differ by some percent. */
  readonly processes: number
  /** Turns of each process, for each row. */
  readonly rounds: number
  /** Checkouts after which the heap is measured, in processes of the pool. */
  readonly checkouts?: number
}

export interface Result {
  readonly figures: Figures
  /** Bytes per checkout. */
  readonly retainedBytes: ReadonlyMap<VariantName, number>
}

type Note = (text: string) => void

/** V8 compiles for the last time after thousands of calls, and a turn of a library has few. */
const warmUpOperations = 6000
const leastWarmUpTurns = 12
const heapVariants: readonly VariantName[] = ['bare', 'twin', 'observe', 'enforce']

export async function measure(plan: Plan, place: Place, note: Note): Promise<Result> {
  const figures = new Figures()
  for (let repetition = 1; repetition <= plan.processes; repetition += 1) {
    for (const workload of plan.workloads) {
      const { timesProcesses = 1 }: Workload = workloads[workload]
      for (let time = 1; time <= timesProcesses; time += 1) {
        const process = (repetition - 1) * timesProcesses + time
        await measureWorkload(plan, place, workload, figures, (text) =>
          note(`processes ${process} of ${plan.processes * timesProcesses}: ${text}`),
        )
      }
    }
  }
  return { figures, retainedBytes: await measureHeaps(plan, place, note) }
}

/**
 * The processes of all variants run side by side and take turns, batch by batch, so that whatever else the machine does
 * meets all of them.
 */
async function measureWorkload(
  plan: Plan,
  place: Place,
  name: WorkloadName,
  figures: Figures,
  note: Note,
): Promise<void> {
  const { isInstalled = () => true, rows }: Workload = workloads[name]
  if (!isInstalled()) return
  const chosen = Object.keys(rows).filter((row) => plan.rows?.includes(row) ?? true)
  note(`starting ${name}`)
  const workers = await startWorkers(
    place,
    name,
    plan.variants.filter((variant) => chosen.some((row) => has(variant, name, row))),
  )
  try {
    for (const [row, facts] of Object.entries(rows)) {
      if (!chosen.includes(row)) continue
      note(facts.title)
      const those = workers.filter(({ variant }) => has(variant, name, row))
      // At the same time, because their speed does not matter yet.
      await Promise.all(those.map((worker) => worker.warmUp(row, warmUpTurnsOf(facts))))
      for (let round = 0; round < plan.rounds; round += 1) {
        for (const worker of inTurnFrom(those, round))
          figures.add(row, worker.variant, await worker.time(row))
      }
    }
    for (const worker of workers) await worker.verify(chosen.filter((row) => has(worker.variant, name, row)))
  } finally {
    for (const worker of workers) worker.stop()
  }
}

function warmUpTurnsOf({ batch, batches = 20 }: Row): number {
  return Math.max(leastWarmUpTurns, Math.ceil(warmUpOperations / (batch * batches)))
}

async function measureHeaps(
  { checkouts }: Plan,
  place: Place,
  note: Note,
): Promise<Map<VariantName, number>> {
  const retainedBytes = new Map<VariantName, number>()
  if (checkouts === undefined) return retainedBytes
  const workers = await startWorkers(place, 'pool', heapVariants)
  try {
    for (const worker of workers) {
      note(`heap: ${worker.variant}`)
      retainedBytes.set(worker.variant, await worker.retainedBytes(checkouts))
    }
  } finally {
    for (const worker of workers) worker.stop()
  }
  return retainedBytes
}

/** Whether the variant has anything to do with the row. */
export function has(variant: VariantName, workload: WorkloadName, row: string): boolean {
  return variants[variant].has?.(workloads[workload], row) ?? true
}

/** Each round begins with another one, so that no variant always follows the same other. */
function inTurnFrom(workers: readonly Worker[], round: number): readonly Worker[] {
  const first = round % workers.length
  return [...workers.slice(first), ...workers.slice(0, first)]
}
