import { type ControlConnection, type ControlOptions, connectControl } from '../postgres/index.ts'
import type { QueryTextMode } from '../sql/redaction.ts'
import { type Invocation, type OptionSpec, UsageError } from './command.ts'
import { parseTimeout } from './option-values.ts'

/** Which server. */
export const connectionOptions: readonly OptionSpec[] = [
  {
    flags: '--url <url>',
    description:
      'the server: postgres://user@host:5432/database. Others can read it in the process list: better in DATABASE_URL',
  },
  {
    flags: '--database <name>',
    description:
      'connect to this database, and show only what concerns it (default: all, with the names of one)',
  },
  {
    flags: '--connect-timeout <duration>',
    description: 'how long connecting may take',
    parse: (text) => {
      const millis = parseTimeout(text)
      if (millis === 0) throw new UsageError('It must be longer than 0.')
      return millis
    },
    default: '10s',
  },
]

/** Who is left alone by policies, beside those that always are: see `spareReason`. */
export const spareOption: OptionSpec = {
  flags: '--spare <application=NAME>',
  description:
    'never end sessions with this application name; may be given several times. Backups, replication and other runs of pg-lifeguard migrate are always spared',
  isList: true,
  parse: (text) => {
    const name = /^application=(.+)$/s.exec(text)?.[1]
    if (name === undefined) throw new UsageError('It must look like application=nightly-report.')
    return name
  },
}

/** The value of {@link spareOption}. */
export interface SpareOptions {
  readonly spare?: readonly string[]
}

/** How it is shown. */
export const outputOptions: readonly OptionSpec[] = [
  { flags: '--json', description: 'print JSON for programs, complete and unshortened' },
  {
    flags: '--no-color',
    description: 'print without colours; also with NO_COLOR, and where it is no terminal',
  },
  {
    flags: '--query-text <mode>',
    description: 'show statements with literals replaced, as they are, or not at all',
    choices: ['redacted', 'full', 'none'] satisfies QueryTextMode[],
    default: 'redacted',
  },
]

/** The values of {@link connectionOptions} and {@link outputOptions}. */
export interface CommonOptions {
  readonly url?: string
  readonly database?: string
  readonly connectTimeout: number
  readonly json?: boolean
  readonly queryText: QueryTextMode
}

/** Connects as the options and the environment say. The caller closes it. */
export function connect(
  { options, env }: Pick<Invocation, 'options' | 'env'>,
  limits: Pick<ControlOptions, 'statementMillis'> = {},
): Promise<ControlConnection> {
  const { url, database, connectTimeout } = options as unknown as CommonOptions
  return connectControl({
    ...limits,
    env,
    connectMillis: connectTimeout,
    ...(url === undefined ? {} : { url }),
    ...(database === undefined ? {} : { database }),
  })
}
