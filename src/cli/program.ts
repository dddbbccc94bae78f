import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ConnectionError, LifeguardError, OptionError, UnsupportedServerError } from '../errors.ts'
import { type CommandSpec, type OptionSpec, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { type ExitCode, exitCode, exitCodesHelp } from './exit-code.ts'
import { helpText } from './help-text.ts'
import { selfCommand } from './self.ts'
import { longNames, withoutValuesOfUnknown, withSuggestion } from './suggestion.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { version } from './version.ts'

export interface ProgramHost {
  readonly env?: NodeJS.ProcessEnv
  /** Creates the terminal, once the options for colours are known. */
  readonly terminal?: (noColor: boolean) => Terminal
  /** The path of the running script. */
  readonly script?: string
}

/**
 * Runs one command line.
 *
 * @returns the exit code; errors of usage and of connections are reported, bugs are thrown
 */
export async function runCommandLine(args: readonly string[], host: ProgramHost = {}): Promise<number> {
  const env = host.env ?? process.env
  const beforeOperands = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  const terminal = (host.terminal ?? processTerminal)(beforeOperands.includes('--no-color'))
  const self = selfCommand(env, host.script)
  let result: number = exitCode.clean

  const program = new Command('pg-lifeguard')
    .description(
      'Shows which sessions of a PostgreSQL server block others and for how long, and ends the right one safely.',
    )
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', () => `\n${helpText(`${connectionHelp}\n\n${exitCodesHelp}`, widthOf(terminal))}`)
  configure(program, terminal, () => known)

  let known: readonly string[] = longNames([{ flags: '--version' }, { flags: '--help' }])
  const wanted = beforeOperands.filter((arg) => !arg.startsWith('-'))
  for (const entry of commands) {
    const command = program.command(entry.name).summary(entry.summary)
    configure(command, terminal, () => known)
    if (!wanted.slice(0, 2).includes(entry.name)) continue
    const spec = await entry.load()
    describe(command, spec, terminal)
    known = [...known, ...longNames(spec.options)]
    command.action(async (...given: unknown[]) => {
      const operands = spec.operands === undefined ? [] : (given[0] as string[])
      result = await spec.run({ options: command.opts(), operands, terminal, env, self })
    })
  }
  try {
    await program.parseAsync(withoutValuesOfUnknown(withLongVersion(args), known), { from: 'user' })
    return result
  } catch (error) {
    return explain(error, terminal)
  }
}

/** Accepts -v and -V for the version: Commander supports only one short option. */
function withLongVersion(args: readonly string[]): string[] {
  return args[0] === '-V' ? ['--version', ...args.slice(1)] : [...args]
}

const connectionHelp = `Connection, as for psql:
  --url, or else DATABASE_URL, or else PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE, PGOPTIONS, a service
    (PGSERVICE), and ~/.pgpass`

function configure(command: Command, terminal: Terminal, known: () => readonly string[]): void {
  const width = () => widthOf(terminal)
  command
    .exitOverride()
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('Run it with --help for its options.')
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.warn(text.trimEnd()),
      outputError: (text, write) => write(withSuggestion(text, known())),
      getOutHelpWidth: width,
      getErrHelpWidth: width,
    })
}

function widthOf({ columns = 100 }: Terminal): number {
  return columns
}

function describe(command: Command, spec: CommandSpec, terminal: Terminal): void {
  command.description(spec.description)
  for (const option of spec.options) command.addOption(commanderOption(option))
  if (spec.operands !== undefined) command.argument(spec.operands).passThroughOptions(false)
  const examples = spec.examples.map(([line, purpose]) => `  ${line}\n      ${purpose}`)
  const wrapped = (text: string) => helpText(text, widthOf(terminal))
  // Examples stay on one line, so that they can be pasted.
  const parts = () => [
    ...(spec.notes === undefined ? [] : [wrapped(spec.notes)]),
    ['Examples:', ...examples].join('\n'),
    ...(spec.options.some(({ flags }) => flags.startsWith('--url ')) ? [wrapped(connectionHelp)] : []),
    wrapped(spec.exitCodes ?? exitCodesHelp),
  ]
  command.addHelpText('after', () => `\n${parts().join('\n\n')}`)
}

function commanderOption({
  flags,
  description,
  parse,
  default: preset,
  isList = false,
  choices,
}: OptionSpec): Option {
  const option = new Option(flags, description)
  if (choices !== undefined) option.choices(choices)
  if (preset !== undefined)
    option.default(parse === undefined ? preset : parse(String(preset)), String(preset))
  if (parse !== undefined) {
    option.argParser((text, before: unknown) => {
      try {
        return isList ? [...(Array.isArray(before) ? before : []), parse(text)] : parse(text)
      } catch (error) {
        throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error
      }
    })
  }
  return option
}

function explain(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.clean : exitCode.usage
  const say = (text: string) => terminal.warn(`pg-lifeguard: ${text}`)
  if (error instanceof UsageError || error instanceof OptionError) {
    say(error.message)
    return exitCode.usage
  }
  if (error instanceof ConnectionError || error instanceof UnsupportedServerError) {
    say(error.message)
    return exitCode.noConnection
  }
  // The server refused a statement: a locked catalog, a missing privilege, a shutdown.
  if (
    error instanceof Error &&
    !(error instanceof LifeguardError) &&
    'severity' in error &&
    'code' in error
  ) {
    say(`the server refused: ${error.message} (${String(error.code)})`)
    return exitCode.noConnection
  }
  throw error
}
