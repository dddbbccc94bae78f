import type { Audit, AuditedPool } from '../audit.ts'
import { oneOf } from '../core/option-check.ts'
import { describeFrame } from '../core/origin.ts'
import { LeakCheckError } from './leak-error.ts'

/** What is done about pools that nobody has ended when the tests are over. */
export type UnendedPools = 'tell' | 'fail' | 'ignore'

// Bound when the module loads: a test's fake timers must not stop it.
const setSystemTimeout = setTimeout

/** A process that has nothing to wait for is gone by then. */
const hangMillis = 1000

/** @throws OptionError */
export function requireUnendedPools(value: UnendedPools = 'tell'): UnendedPools {
  return oneOf('unendedPools', value, ['tell', 'fail', 'ignore'])
}

/** What a test file fails with if pools are still open. */
export function unendedPoolsError(audit: Audit): LeakCheckError | undefined {
  const open = audit.pools().filter(isOpen)
  return open.length === 0 ? undefined : new LeakCheckError(describe(open))
}

/** Says on stderr which pools keep the process from ending, if something does. Keeps it from ending itself no longer. */
export function watchForHang(audit: Audit): void {
  setSystemTimeout(() => {
    const open = audit.pools().filter(isOpen)
    if (open.length === 0) return
    process.stderr.write(
      `pg-lifeguard: the tests are over and the process does not end.\n${describe(open)}\n`,
    )
  }, hangMillis).unref()
}

/** A pool without connections keeps nothing, ended or not. */
function isOpen({ connections }: AuditedPool): boolean {
  return connections > 0
}

function describe(pools: readonly AuditedPool[]): string {
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
