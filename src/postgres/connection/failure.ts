import { type ConnectionSettings, describeTarget } from './settings.ts'

/** The facts that advice depends on. */
type Attempt = Pick<ConnectionSettings, 'host' | 'port' | 'database' | 'user' | 'password' | 'ssl'>
type Advice = string | ((message: string, attempt: Attempt) => string | undefined)

const untrusted =
  'the certificate of the server is not signed by an authority that is trusted here. Name its root certificate with sslrootcert=/path/to/ca.pem, or encrypt without checking it with sslmode=require'

/** Advice by SQLSTATE, or by the code of the system or of TLS. */
const advice: Readonly<Record<string, Advice>> = {
  '28P01': 'set PGPASSWORD or ~/.pgpass, or correct the password',
  '28000': adviceOnRefusal,
  '3D000': 'name another one with --url or PGDATABASE',
  '53300': adviceOnSlots,
  '57P03': 'the server is starting, stopping or recovering: try again',
  '08P01': 'is this a pooler that refuses startup options? Unset PGOPTIONS, or connect to the server itself',
  ECONNREFUSED: 'check that the server is running and listens on this address',
  ENOTFOUND: 'there is no such host',
  ETIMEDOUT:
    'the host does not answer, or a lock on a catalog such as pg_class keeps new sessions from starting',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: 'the certificate of the server has expired. sslmode=require encrypts without checking it',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for another host name: connect by that name, or check only its authority with sslmode=verify-ca',
}

const noPassword = 'the server asks for a password, and none is set'

/** The error of a failed connection: a message without the password, and the code of the server or the system. */
export function explainFailure(
  error: unknown,
  attempt: Attempt,
): [message: string, reason: string | undefined] {
  const cause = firstOf(error)
  const code = cause !== null && typeof cause === 'object' && 'code' in cause ? String(cause.code) : undefined
  const isTimeout = cause instanceof Error && /timeout expired|in time/.test(cause.message)
  const reason = code ?? (isTimeout ? 'ETIMEDOUT' : undefined)
  const said = cause instanceof Error ? cause.message : String(cause)
  // Only foreign messages can quote the password: parts of ours, such as the user's name, may equal it by chance.
  const text = wantsPassword(cause) ? noPassword : withoutPassword(said, attempt.password)
  const hint = text === noPassword ? adviceFor('28P01', said, attempt) : adviceFor(reason, said, attempt)
  const message = `${describeTarget(attempt)}: ${text}${reason === undefined ? '' : ` (${reason})`}${hint === undefined ? '' : `\n${hint}`}`
  return [message, reason]
}

function adviceFor(reason: string | undefined, message: string, attempt: Attempt): string | undefined {
  if (/does not support SSL/i.test(message))
    return 'to connect without TLS: sslmode=prefer or sslmode=disable'
  const known = reason !== undefined && Object.hasOwn(advice, reason) ? advice[reason] : undefined
  return typeof known === 'function' ? known(message, attempt) : known
}

/** `no pg_hba.conf entry for host "10.0.0.7", user "app", database "shop", no encryption` */
function adviceOnRefusal(message: string, { ssl }: Attempt): string | undefined {
  if (!message.includes('pg_hba.conf')) return undefined
  const isPlain = /no encryption|SSL off/.test(message)
  if (isPlain && ssl === 'disable')
    return 'the server may want TLS: set sslmode=require, in the URL or as PGSSLMODE'
  const allow = 'pg_hba.conf of the server has to allow this user, database and address'
  if (ssl === 'prefer' || ssl === 'allow') return `tried with TLS and without; ${allow}`
  return `${allow}, with TLS. To try without: sslmode=disable`
}

/** The server's slots, or those of one role or database. */
function adviceOnSlots(message: string): string {
  const limited = /too many connections for (database|role)/.exec(message)?.[1]
  if (limited === 'database')
    return 'only the limit of this database is reached: connect to another one, such as postgres, to see who is connected'
  if (limited === 'role') return 'only the limit of this role is reached: connect as another one'
  return 'all slots are taken; the last ones are reserved for superusers, and since PostgreSQL 16 for roles with pg_use_reserved_connections. Run check as such a role to see how many slots each application has'
}

/** Removes the password, which a driver or a server may quote. */
export function withoutPassword(text: string, password: string | undefined): string {
  if (password === undefined || password.length < 3) return text
  return text.replaceAll(password, '***').replaceAll(encodeURIComponent(password), '***')
}

/** Whether it is the driver's error: `SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string`. */
function wantsPassword(cause: unknown): boolean {
  return cause instanceof Error && /^SASL: .*password must be/.test(cause.message)
}

/** The first error of a host with several addresses, whose own error is a list without a message. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] ?? error) : error
}
