/** Table-level locks, weakest first, as `pg_locks` names them. Other lockable things use two of them. */
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

/** For each mode the weakest one that it conflicts with, and whether it conflicts with itself. */
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

/** Two locks on one object exclude each other. Predicate locks (`SIReadLock`) exclude nobody. */
export function conflicts(one: string, other: string): boolean {
  const [a, b] = [modes.indexOf(one), modes.indexOf(other)]
  const rule = conflictsFrom[a]
  if (rule === undefined || b === -1) return false
  return a === b ? rule[1] : b >= rule[0]
}
