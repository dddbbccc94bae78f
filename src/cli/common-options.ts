import { type ControlConnection, type ControlOptions, connectControl } from '../postgres/index.ts'
import type { QueryTextMode } from '../sql/redaction.ts'
import { type Invocation, type OptionSpec, UsageError } from './command.ts'
import { parseTimeout } from './option-values.ts'

/** The server to connect to. */
export const connectionOptions: readonly OptionSpec[] = [
  {
    flags: '--url <url>',
    description:
      'the server: postgres://user@host:5432/database. It is visible in the process list; DATABASE_URL is not',
  },
  {
    flags: '--database <name>',
    description: 'connect to this database, and show only its sessions (default: the whole server)',
  },
  {
    flags: '--connect-timeout <duration>',
    description: 'the time limit for connecting',
    parse: (text) => {
      const millis = parseTimeout(text)
      if (millis === 0) throw new UsageError('It must be longer than 0.')
      return millis
    },
    default: '10s',
  },
]

/** Sessions that policies leave alone, in addition to those of `spareReason`. */
export const spareOption: OptionSpec = {
  flags: '--spare <application=NAME>',
  description:
    'never end sessions with this application name; repeatable. Backups, replication and other runs of pg-lifeguard migrate are always spared',
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

/** The form of the output. */
export const outputOptions: readonly OptionSpec[] = [
  { flags: '--json', description: 'print JSON, complete and untruncated' },
  {
    flags: '--no-color',
    description: 'print without colours, as with NO_COLOR or in a pipe',
  },
  {
    flags: '--query-text <mode>',
    description: 'show statements with literals replaced, in full, or not at all',
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

/** Connects by the options and the environment. The caller must close the connection. */
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
