import { settingsQuery } from './queries/settings.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'

/** A setting of the server that limits the harm of a forgotten transaction or a lost client, or makes it visible. */
export interface SafetyNet {
  readonly setting: string
  /** The value for new sessions of this database, in PostgreSQL's words: `0`, `60000ms`, `off`. */
  readonly value: string
  readonly isOn: boolean
  /** Its purpose, in a few words. */
  readonly purpose: string
  /** The statement that switches it on. */
  readonly statement: string
  /** The roles with a value of their own. */
  readonly roles: readonly { readonly role: string; readonly value: string; readonly database?: string }[]
}

interface Settings {
  readonly database: string
  readonly role: string
  readonly settings: readonly {
    readonly name: string
    readonly value: string
    readonly unit?: string
    readonly context: string
  }[]
  readonly overrides: readonly {
    readonly name: string
    readonly value: string
    readonly database?: string
    readonly role?: string
  }[]
}

const nets = [
  {
    setting: 'idle_in_transaction_session_timeout',
    purpose: 'ends a session that is idle in a transaction for too long',
    advice: "'60s'",
  },
  {
    setting: 'lock_timeout',
    purpose: 'cancels a statement that waits too long for a lock, with others queueing behind it',
    advice: "'10s'",
  },
  {
    setting: 'statement_timeout',
    purpose: 'cancels a statement that runs too long',
    advice: "'5min'",
  },
  {
    setting: 'transaction_timeout',
    purpose: 'ends a session whose transaction is open too long, even a busy one',
    advice: "'1h'",
  },
  {
    setting: 'idle_session_timeout',
    purpose: 'ends an idle session; pools must expect it',
    advice: "'1d'",
  },
  {
    setting: 'client_connection_check_interval',
    purpose: 'ends a statement whose client is gone, even while it waits for a lock',
    advice: "'10s'",
  },
  {
    setting: 'log_lock_waits',
    purpose: 'logs sessions that wait longer than deadlock_timeout, and their blockers',
    advice: 'on',
  },
] as const

/**
 * The server's safety nets with their values in new sessions of this database, without settings that the server's
 * version does not have.
 *
 * @throws the client's errors
 *
 * @example
 * for (const { isOn, statement } of await safetyNets(client)) if (!isOn) console.log(statement)
 */
export async function safetyNets(client: QueryClient): Promise<readonly SafetyNet[]> {
  const names = nets.map(({ setting }) => setting)
  const { database, role, settings, overrides } = await queryFrozen<Settings>(client, settingsQuery, [names])
  return nets.flatMap(({ setting, purpose, advice }): SafetyNet[] => {
    const found = settings.find(({ name }) => name === setting)
    if (found === undefined) return []
    const ours = overrides.filter(
      (one) => one.name === setting && (one.database === undefined || one.database === database),
    )
    const forDatabase = ours.find((one) => one.role === undefined)
    // The connected role's own setting says nothing about other roles, for which the server's default is zero.
    const isOwn = forDatabase === undefined && ours.some((one) => one.role === role)
    const value = forDatabase?.value ?? (isOwn ? '0' : `${found.value}${withUnit(found)}`)
    const isOn = isOnValue(value)
    return [
      {
        setting,
        value,
        isOn,
        purpose,
        statement:
          found.context === 'user'
            ? `ALTER DATABASE ${quoteName(database)} SET ${setting} = ${advice};`
            : `ALTER SYSTEM SET ${setting} = ${advice}; SELECT pg_reload_conf();`,
        roles: ours.flatMap((one) =>
          one.role === undefined
            ? []
            : [
                {
                  role: one.role,
                  value: one.value,
                  ...(one.database === undefined ? {} : { database: one.database }),
                },
              ],
        ),
      },
    ]
  })
}

function withUnit({ value, unit }: Settings['settings'][number]): string {
  return unit === undefined || value === '0' ? '' : unit
}

function isOnValue(value: string): boolean {
  return !/^(?:0\s*[a-z]*|off|false|no|-1)$/i.test(value)
}
