import { afterEach, expect, it } from 'vitest'
import { has } from '../../../bench/measure.ts'
import { installedNode, startWorkers, type Worker } from '../../../bench/processes.ts'
import { variants } from '../../../bench/variants.mjs'
import type { VariantName, WorkloadName } from '../../../bench/worker.mjs'
import { type Workload, workloads } from '../../../bench/workloads.mjs'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const node = installedNode(24) ?? process.execPath

let workers: readonly Worker[] = []
afterEach(() => {
  for (const worker of workers) worker.stop()
})

// One kind of guard that is mounted, one that is not, and two alternatives: the pool's processes have shown the others.
const someVariants: readonly VariantName[] = ['observe', 'register', 'otelOn', 'wrapper']
const programs = Object.entries(workloads) as [WorkloadName, Workload][]

it.each(programs)(
  'measures of %s what its rows say, under variants that are what they say',
  async (name, workload) => {
    expect(workload.isInstalled?.() ?? true).toBe(true)
    const rows = Object.keys(workload.rows)
    const rowsOf = (variant: VariantName) => rows.filter((row) => has(variant, name, row))
    const names = name === 'pool' ? (Object.keys(variants) as VariantName[]) : someVariants
    workers = await startWorkers(
      { node, url: db.url },
      name,
      names.filter((variant) => rowsOf(variant).length > 0),
    )

    await Promise.all(workers.map((worker) => worker.verify(rowsOf(worker.variant))))
  },
)

it('refuses a row that it does not have', async () => {
  workers = await startWorkers({ node, url: db.url }, 'pool', ['bare'])

  await expect(workers[0]?.verify(['nothing'])).rejects.toThrow('pool has no row nothing')
})
