/** Fires at the first of these signals. At the second one, Node's own way of ending applies. */
export function interruption(names: readonly NodeJS.Signals[]): {
  readonly signal: AbortSignal
  /** Listens no more. */
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
