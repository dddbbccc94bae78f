import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { LeakCheckError } from './leak-error.ts'

const pauseMillis = 10
const sleeper = new Int32Array(new SharedArrayBuffer(4))

export interface FileLockOptions {
  /** The age after which a lock is considered abandoned by a dead process: `work` takes milliseconds. */
  readonly abandonedMillis?: number
  /** The time after which waiting fails. */
  readonly patienceMillis?: number
}

/**
 * Calls `work` under an exclusive lock between processes, and blocks this process until then. Waiting is counted in
 * pauses, without timers or clocks, because a test may have replaced them.
 *
 * @throws LeakCheckError if others hold the lock for too long
 */
export function withFileLock<Result>(
  lock: string,
  work: () => Result,
  { abandonedMillis = 5_000, patienceMillis = 30_000 }: FileLockOptions = {},
): Result {
  const own = `${process.pid} ${randomUUID()}`
  let holder: string | undefined
  let heldMillis = 0
  for (let waitedMillis = 0; !create(lock, own); waitedMillis += pauseMillis) {
    if (waitedMillis > patienceMillis) {
      throw new LeakCheckError(`${lock} is still there after ${patienceMillis / 1000} s: remove it by hand`)
    }
    const present = read(lock)
    heldMillis = present === holder ? heldMillis + pauseMillis : 0
    holder = present
    if (present !== undefined && heldMillis > abandonedMillis) breakLock(lock, present)
    Atomics.wait(sleeper, 0, 0, pauseMillis)
  }
  try {
    return work()
  } finally {
    // Another process may have taken the lock over if this one was paused.
    if (read(lock) === own) rmSync(lock, { force: true })
  }
}

/** Only one waiting process may remove an abandoned lock, or the second would remove the new lock of the first. */
function breakLock(lock: string, holder: string): void {
  const right = `${lock}.${holder.replaceAll(/[^\w-]/g, '-')}`
  if (!create(right, '')) return
  if (read(lock) === holder) rmSync(lock, { force: true })
  rmSync(right, { force: true })
}

function create(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    // On Windows, a file that is being removed can be neither opened nor created.
    const { code } = error as { code?: unknown }
    if (code !== 'EEXIST' && !(code === 'EPERM' && process.platform === 'win32')) throw error
    return false
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
