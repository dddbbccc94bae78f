import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects garbage now, in a process that was not started for it. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** How many bytes the heap holds without its garbage. */
export function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
