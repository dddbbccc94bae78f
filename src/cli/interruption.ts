/** A signal that fires at the first of these process signals. The second one ends the process as usual. */
export function interruption(names: readonly NodeJS.Signals[]): {
  readonly signal: AbortSignal
  /** Removes the listeners. */
  stop(): void
} {
  const controller = new AbortController()
  const stop = () => {
    for (const name of names) process.off(name, interrupt)
  }
  const interrupt = (name: NodeJS.Signals) => {
    stop()
    controller.abort(name)
  }
  for (const name of names) process.on(name, interrupt)
  return { signal: controller.signal, stop }
}
