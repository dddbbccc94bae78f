import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

/** The end of the command. */
export interface ChildEnd {
  /** Its exit code; 128 plus the signal's number if a signal ended it; 126 or 127 if it could not be started. */
  readonly code: number
  readonly signal?: NodeJS.Signals
  /** The reason why it could not be started. */
  readonly failure?: string
}

export interface Child {
  /** Absent if it could not be started. */
  readonly pid?: number
  readonly ended: Promise<ChildEnd>
  /** Fires when the command has ended. */
  readonly signal: AbortSignal
  kill(name: NodeJS.Signals): void
}

/** Starts the command on the same terminal. */
export function startChild([command = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Child {
  const controller = new AbortController()
  const child = spawned(command, args, env)
  if (child instanceof Error) {
    controller.abort()
    return { ended: Promise.resolve(notStarted(command, child)), signal: controller.signal, kill: () => {} }
  }
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => resolve(notStarted(command, error)))
    child.once('exit', (code, signal) => resolve(endOf(code, signal)))
  }).finally(() => controller.abort())
  return {
    ...(child.pid === undefined ? {} : { pid: child.pid }),
    ended,
    signal: controller.signal,
    kill: (name) => void child.kill(name),
  }
}

/** Node.js reports some failures by an event, and throws others. */
function spawned(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess | Error {
  try {
    return spawn(command, args, { stdio: 'inherit', env })
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

function endOf(code: number | null, signal: NodeJS.Signals | null): ChildEnd {
  return signal === null ? { code: code ?? 1 } : { code: codeOfSignal(signal), signal }
}

/** The exit code that a shell reports. */
export function codeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** The end of a command that could not be started, with the exit code of a shell. */
function notStarted(command: string, error: NodeJS.ErrnoException): ChildEnd {
  return error.code === 'ENOENT'
    ? { code: 127, failure: `${command}: command not found` }
    : { code: 126, failure: `${command} could not be started: ${error.message}` }
}
