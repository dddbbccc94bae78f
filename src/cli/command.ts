import type { Terminal } from './terminal.ts'

/** One option of a command, as data. */
export interface OptionSpec {
  /** The flags as in help: `--min-idle <duration>`. A value in brackets, `[name]`, is optional; `--no-x` switches off. */
  readonly flags: string
  readonly description: string
  /** Parses the value. A UsageError is shown with the option. */
  readonly parse?: (text: string) => unknown
  readonly default?: unknown
  /** True if it may be given several times; the value is an array then. */
  readonly isList?: boolean
  readonly choices?: readonly string[]
}

/** One command, as data: its help and its action. */
export interface CommandSpec {
  readonly name: string
  /** One or two sentences. */
  readonly description: string
  readonly options: readonly OptionSpec[]
  /** The arguments after `--`, for commands that run another one: `<command...>`. */
  readonly operands?: string
  /** A command line and its purpose. */
  readonly examples: readonly (readonly [command: string, purpose: string])[]
  /** The paragraphs below the options in help. */
  readonly notes?: string
  /** Replaces the exit codes that most commands share. */
  readonly exitCodes?: string
  /** @returns the exit code, which may be that of a command it ran */
  run(invocation: Invocation): Promise<number>
}

export interface Invocation {
  /** The options by their camel-cased long name: `--min-idle` is `minIdle`. */
  readonly options: Readonly<Record<string, unknown>>
  readonly operands: readonly string[]
  readonly terminal: Terminal
  readonly env: NodeJS.ProcessEnv
  /** The command that runs this program: `pg-lifeguard`, `npx pg-lifeguard`, ... */
  readonly self: string
}

/** An entry in the list of commands. The command itself is loaded on use. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<CommandSpec>
}

/** Invalid usage. The message is shown with a reference to --help. */
export class UsageError extends Error {}
