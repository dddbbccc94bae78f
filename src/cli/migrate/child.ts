import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** How the command ended. */
export interface ChildEnd {
  /** Its exit code; 128 and the signal's number if a signal ended it; 126 or 127 if it could not be started. */
  readonly code: number
  readonly signal?: NodeJS.Signals
  /** Why it could not be started. */
  readonly failure?: string
}

export interface Child {
  /** Absent if it could not be started. */
  readonly pid?: number
  readonly ended: Promise<ChildEnd>
  /** Fires when it has ended. */
  readonly signal: AbortSignal
}

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv
  /** Told of each signal that this process got while the command ran. */
  readonly onSignal: (name: NodeJS.Signals) => void
}

/** What a terminal sends to all of its foreground processes, the command included. */
const fromTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const passedOn: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']

/** Starts the command on this very terminal. Signals that this process gets are passed on to it. */
export function startChild([command = '', ...args]: readonly string[], options: ChildOptions): Child {
  const controller = new AbortController()
  const child = spawn(command, args, { stdio: 'inherit', env: options.env })
  const listeners = passedOn.map((name) => {
    const listener = () => {
      options.onSignal(name)
      // Twice would be once too often: at the second Ctrl-C many tools give up without cleaning up.
      if (!(fromTerminal.includes(name) && process.stdin.isTTY)) child.kill(name)
    }
    process.on(name, listener)
    return () => void process.off(name, listener)
  })
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => resolve(notStarted(command, error)))
    child.once('exit', (code, signal) => resolve(endOf(code, signal)))
  }).finally(() => {
    for (const stop of listeners) stop()
    controller.abort()
  })
  return { ...(child.pid === undefined ? {} : { pid: child.pid }), ended, signal: controller.signal }
}

function endOf(code: number | null, signal: NodeJS.Signals | null): ChildEnd {
  return signal === null ? { code: code ?? 1 } : { code: codeOfSignal(signal), signal }
}

/** As shells have it. */
export function codeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** As shells have it. */
function notStarted(command: string, error: NodeJS.ErrnoException): ChildEnd {
  return error.code === 'ENOENT'
    ? { code: 127, failure: `${command}: there is no such command` }
    : { code: 126, failure: `${command} cannot be run: ${error.message}` }
}
