import { sessionChanges } from '../../../src/core/session-state/statement-effects.ts'

/** What a statement leaves, in words. */
export const left = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'leave' ? [`${change.item.kind} ${change.item.name}`] : [],
  )
/** What it takes back, in words. */
export const cleared = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'clear'
      ? [change.name === undefined ? change.kind : `${change.kind} ${change.name}`]
      : [],
  )
/** What it does, in order. */
export const acts = (text: string) => sessionChanges(text).map((change) => change.does)

/** Long ones, on which work that is not linear takes seconds. */
export function hostileTexts(): string[] {
  const calls = Array.from({ length: 5000 }, (_, n) => `set_config('app.a${n}', 'b', false)`)
  return [
    `INSERT INTO t VALUES ${"(1, 'abc', 2.5),".repeat(200_000)}`,
    `SELECT ${calls.join(', ')}`,
    `CREATE TEMP TABLE ${'a.'.repeat(50_000)}b (c int)`,
    'SET a.b = 1;'.repeat(10_000),
    `DROP TABLE ${'a,'.repeat(50_000)}b`,
    `SELECT set_config('a.b', 'c' ${'-'.repeat(1000)}\n, false)`,
  ]
}
