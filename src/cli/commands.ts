import type { CommandEntry } from './command.ts'

/** Every command, in the order in which help lists them. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'check',
    summary: 'show who blocks whom, and who is idle in a transaction',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'terminate',
    summary: 'end sessions that block or idle, after a preview',
    load: async () => (await import('./commands/terminate.ts')).terminate,
  },
  {
    name: 'watch',
    summary: 'print what changes, and end what idles too long',
    load: async () => (await import('./commands/watch.ts')).watch,
  },
  {
    name: 'migrate',
    summary: 'run a migration tool, and get it through',
    load: async () => (await import('./commands/migrate.ts')).migrate,
  },
  {
    name: 'verify',
    summary: 'fail if a guarded application has leaked, after a run of tests',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
]
