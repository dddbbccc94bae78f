import type { Terminal } from './terminal.ts'

/** One option of a command, as data. */
export interface OptionSpec {
  /** As in help: `--min-idle <duration>`. A name in brackets, `[name]`, may be left out; `--no-x` turns off. */
  readonly flags: string
  readonly description: string
  /** Turns the text into a value; what it throws (UsageError) is shown with the option. */
  readonly parse?: (text: string) => unknown
  readonly default?: unknown
  /** May be given several times; the value is a list then, of what `parse` returns. */
  readonly isList?: boolean
  readonly choices?: readonly string[]
}

/** One command, as data: what its help says, and what it does. */
export interface CommandSpec {
  readonly name: string
  /** One or two sentences. */
  readonly description: string
  readonly options: readonly OptionSpec[]
  /** Everything behind `--`, for commands that run another: `<command...>`. */
  readonly operands?: string
  /** A command line and its purpose. */
  readonly examples: readonly (readonly [command: string, purpose: string])[]
  /** Paragraphs below the options. */
  readonly notes?: string
  /** Instead of those that most commands share. */
  readonly exitCodes?: string
  /** @returns the exit code: one of ours, or that of a command which it ran */
  run(invocation: Invocation): Promise<number>
}

export interface Invocation {
  /** By the camel-cased long name: `--min-idle` is `minIdle`. Each command knows its own. */
  readonly options: Readonly<Record<string, unknown>>
  readonly operands: readonly string[]
  readonly terminal: Terminal
  readonly env: NodeJS.ProcessEnv
  /** How the user runs this program: `pg-lifeguard`, `npx pg-lifeguard`, ... */
  readonly self: string
}

/** A line in the list of commands. The command itself is loaded when it is used. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<CommandSpec>
}

/** The command line cannot be understood. */
export class UsageError extends Error {}
