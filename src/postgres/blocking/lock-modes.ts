/** The modes of table locks in `pg_locks`, weakest first. Other lockable objects use two of them. */
const modes: readonly string[] = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]

/** For each mode, the weakest one that it conflicts with, and whether it conflicts with itself. */
const conflictsFrom: readonly (readonly [weakest: number, withItself: boolean])[] = [
  [7, false],
  [6, false],
  [4, false],
  [3, true],
  [2, false],
  [2, true],
  [1, true],
  [0, true],
]

/** Whether two locks on one object conflict. Predicate locks (`SIReadLock`) conflict with none. */
export function conflicts(one: string, other: string): boolean {
  const [a, b] = [modes.indexOf(one), modes.indexOf(other)]
  const rule = conflictsFrom[a]
  if (rule === undefined || b === -1) return false
  return a === b ? rule[1] : b >= rule[0]
}
