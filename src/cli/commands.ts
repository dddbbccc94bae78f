import type { CommandEntry } from './command.ts'

/** The commands, in the order of help. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'check',
    summary: 'show sessions that block others or are idle in a transaction',
    load: async () => (await import('./check/command.ts')).check,
  },
  {
    name: 'terminate',
    summary: 'end blocking or idle sessions, after a preview',
    load: async () => (await import('./terminate/command.ts')).terminate,
  },
  {
    name: 'watch',
    summary: 'print changes, and end sessions that are idle too long',
    load: async () => (await import('./watch/command.ts')).watch,
  },
  {
    name: 'page',
    summary: 'show it live in a browser, with the pools of guarded services',
    load: async () => (await import('./page/command.ts')).page,
  },
  {
    name: 'migrate',
    summary: 'run a migration tool with a lock timeout and retries, and name its blockers',
    load: async () => (await import('./migrate/command.ts')).migrate,
  },
  {
    name: 'verify',
    summary: 'fail if a guarded application has leaks, after a test run',
    load: async () => (await import('./verify/command.ts')).verify,
  },
]
