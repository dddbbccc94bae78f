import type { Finding } from '../../src/index.ts'

const frame = { file: '/app/src/orders.ts', line: 12, column: 29, functionName: 'showOrder' }

/** A finding as the guard makes them, frozen, but for what is asked for. */
export function sampleFinding(differing: Partial<Finding> = {}): Finding {
  const finding: Finding = {
    id: 'f1',
    kind: 'idle-transaction',
    certainty: 'suspected',
    pool: 'main',
    checkout: {
      id: 7,
      via: 'connect',
      phase: 'out',
      pid: 4711,
      requestedAt: 1_767_225_600_000,
      acquiredAt: 1_767_225_600_250,
      waitedMillis: 250,
      heldMillis: 11_000,
      transaction: 'open',
      transactionMillis: 10_800,
      idleMillis: 10_000,
      queryCount: 3,
      busyMillis: 42,
      lastQuery: 'SELECT id FROM orders WHERE note = ?',
    },
    origin: { ...frame, frames: [frame] },
    hint: 'neither COMMIT nor ROLLBACK followed the last statement for 10 s',
    remedy: 'report',
    fingerprint: 'idle-transaction main src/orders.ts:12:29',
    occurrences: 1,
    docs: 'docs/findings.md#idle-transaction',
    openedAt: 1_767_225_611_000,
    ...differing,
  }
  return Object.freeze(finding)
}

/** The finding without what is named: a property that is absent, not one that is undefined. */
export function without(finding: Finding, ...names: readonly (keyof Finding)[]): Finding {
  return Object.fromEntries(
    Object.entries(finding).filter(([name]) => !names.includes(name as keyof Finding)),
  ) as unknown as Finding
}

/** Every control character, and those that turn the direction of writing. */
export const steering = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
]
  .filter((character) => character !== '\n' && character !== '\t')
  .join('')

/** What a terminal would obey. A line break and a tab are no more than that. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
export const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
