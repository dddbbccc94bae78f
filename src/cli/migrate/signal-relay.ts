/** Catches signals to this process, from the first attempt to the last look, so that none ends it before the clean-up. */
export interface SignalRelay extends Disposable {
  /** The first signal. */
  readonly first: NodeJS.Signals | undefined
  /** Fires with the first signal. */
  readonly signal: AbortSignal
  /** Passes signals to this child, too, until the next call. */
  passTo(child: ((name: NodeJS.Signals) => void) | undefined): void
}

/** A terminal sends these to all its foreground processes, including the command. */
const fromTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const passedOn: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP']

/** True even if stdin is a file, as with `< change.sql`. */
function isAtTerminal(): boolean {
  return process.stdin.isTTY === true || process.stderr.isTTY === true
}

export function signalRelay(): SignalRelay {
  const controller = new AbortController()
  let child: ((name: NodeJS.Signals) => void) | undefined
  let first: NodeJS.Signals | undefined
  const listener = (name: NodeJS.Signals) => {
    first ??= name
    controller.abort()
    // Not twice: at a second Ctrl-C many tools exit without cleaning up.
    if (!(fromTerminal.includes(name) && isAtTerminal())) child?.(name)
  }
  for (const name of passedOn) process.on(name, listener)
  return {
    get first() {
      return first
    },
    signal: controller.signal,
    passTo(next) {
      child = next
    },
    [Symbol.dispose]() {
      for (const name of passedOn) process.off(name, listener)
    },
  }
}
