import type { CommandEntry } from './command.ts'

/** Every command, in the order in which help lists them. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'check',
    summary: 'show who blocks whom, and who is idle in a transaction',
    load: async () => (await import('./commands/check.ts')).check,
  },
]
