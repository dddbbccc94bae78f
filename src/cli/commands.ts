import type { CommandEntry } from './command.ts'

/** Every command, in the order in which help lists them. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'check',
    summary: 'show who blocks whom, and who is idle in a transaction',
    load: async () => (await import('./check/command.ts')).check,
  },
  {
    name: 'terminate',
    summary: 'end sessions that block or idle, after a preview',
    load: async () => (await import('./terminate/command.ts')).terminate,
  },
  {
    name: 'watch',
    summary: 'print what changes, and end what idles too long',
    load: async () => (await import('./watch/command.ts')).watch,
  },
  {
    name: 'migrate',
    summary: 'run a migration tool, and get it through',
    load: async () => (await import('./migrate/command.ts')).migrate,
  },
  {
    name: 'verify',
    summary: 'fail if a guarded application has leaked, after a run of tests',
    load: async () => (await import('./verify/command.ts')).verify,
  },
]
