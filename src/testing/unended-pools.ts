import { describeFrame } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import type { InspectedPool, Inspector } from '../guard/inspection.ts'
import { LeakCheckError } from './leak-error.ts'
import { describeClients, standaloneClients } from './unended-clients.ts'

/** The reaction to pools, and clients without a pool, that are still open when the tests are over. */
export type UnendedPools = 'tell' | 'fail' | 'ignore'

// Bound when the module loads: fake timers of a test must not stop it.
const setSystemTimeout = setTimeout

/** A process without pending work has exited by then. */
const hangMillis = 1000

/** The error of a test file, if pools or clients are still open. */
export function unendedError(inspector: Inspector): LeakCheckError | undefined {
  const open = describeOpen(inspector)
  return open === '' ? undefined : new LeakCheckError(open)
}

/** Prints on stderr the open pools and clients if the process does not exit. Its own timer does not delay the exit. */
export function watchForHang(inspector: Inspector): void {
  setSystemTimeout(() => {
    const open = describeOpen(inspector)
    if (open === '') return
    process.stderr.write(`pg-lifeguard: the tests are over and the process does not exit.\n${open}\n`)
  }, hangMillis).unref()
}

/** One line for each open pool and client; undefined without any. */
function describeOpen(inspector: Inspector): string {
  const pools = inspector.pools().filter(isOpen)
  return [describe(pools), describeClients(standaloneClients())].filter((text) => text !== '').join('\n')
}

/** A pool without connections does not keep the process running, ended or not. */
function isOpen({ connections }: InspectedPool): boolean {
  return connections > 0
}

function describe(pools: readonly InspectedPool[]): string {
  return pools
    .map(({ name, origin, ending, connections }) => {
      const place = origin === undefined ? '' : `, watched at ${describeFrame(origin)},`
      const open = connections === 1 ? '1 connection' : `${connections} connections`
      return ending
        ? `${describePool(name)}${place} still has ${open} open after pool.end(): its clients were not released`
        : `${describePool(name)}${place} was never ended and has ${open} open: call pool.end() when the tests are over`
    })
    .join('\n')
}
