import { describeFrame } from '../core/origin/origin.ts'
import type { InspectedPool, Inspector } from '../guard/inspection.ts'
import { LeakCheckError } from './leak-error.ts'
import { describeClients, standaloneClients } from './unended-clients.ts'

/** What is done about pools, and clients of no pool, that nobody has ended when the tests are over. */
export type UnendedPools = 'tell' | 'fail' | 'ignore'

// Bound when the module loads: a test's fake timers must not stop it.
const setSystemTimeout = setTimeout

/** A process that has nothing to wait for is gone by then. */
const hangMillis = 1000

/** What a test file fails with if pools or clients are still open. */
export function unendedError(inspector: Inspector): LeakCheckError | undefined {
  const open = describeOpen(inspector)
  return open === '' ? undefined : new LeakCheckError(open)
}

/** Says on stderr what keeps the process from ending, if something does. Keeps it from ending itself no longer. */
export function watchForHang(inspector: Inspector): void {
  setSystemTimeout(() => {
    const open = describeOpen(inspector)
    if (open === '') return
    process.stderr.write(`pg-lifeguard: the tests are over and the process does not end.\n${open}\n`)
  }, hangMillis).unref()
}

/** One line for each, nothing if all is ended. */
function describeOpen(inspector: Inspector): string {
  const pools = inspector.pools().filter(isOpen)
  return [describe(pools), describeClients(standaloneClients())].filter((text) => text !== '').join('\n')
}

/** A pool without connections keeps nothing, ended or not. */
function isOpen({ connections }: InspectedPool): boolean {
  return connections > 0
}

function describe(pools: readonly InspectedPool[]): string {
  return pools
    .map(({ name, origin, ending, connections }) => {
      const place = origin === undefined ? '' : `, watched at ${describeFrame(origin)},`
      const open = connections === 1 ? '1 connection' : `${connections} connections`
      return ending
        ? `pool ${name}${place} was told to end and still has ${open} open: its clients were not released`
        : `pool ${name}${place} was never ended and has ${open} open: call pool.end() when the tests are over`
    })
    .join('\n')
}
