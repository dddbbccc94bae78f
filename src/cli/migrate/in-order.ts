import type { Emit, MigrateEvent } from './events.ts'

/** Prints events in the order in which they are reported, even if one takes a moment to complete. */
export function inOrder(print: (event: MigrateEvent, at: Date) => void): {
  readonly emit: Emit
  /** Resolves when all events are printed. */
  settled(): Promise<void>
} {
  let last: Promise<void> | undefined

  async function printAfter(
    before: Promise<void> | undefined,
    event: MigrateEvent | Promise<MigrateEvent>,
    at: Date,
  ): Promise<void> {
    await before
    print(await event, at)
  }

  return {
    emit(event) {
      const at = new Date()
      if (last === undefined && !(event instanceof Promise)) {
        print(event, at)
        return
      }
      const next = printAfter(last, event, at)
      last = next
      void next.then(() => {
        if (last === next) last = undefined
      })
    },
    async settled() {
      await last
    },
  }
}
