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
  ECONNREFUSED: 'is the server there, and does it listen on this address?',
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
    'the certificate is for another name of the host: connect by that name, or check its authority alone with sslmode=verify-ca',
}

const noPassword = 'the server asks for a password, and there is none'

/** The reason why there is no connection: a message without the password, and the code of the server or the system. */
export function explainFailure(
  error: unknown,
  attempt: Attempt,
): [message: string, reason: string | undefined] {
  const cause = firstOf(error)
  const code = cause !== null && typeof cause === 'object' && 'code' in cause ? String(cause.code) : undefined
  const isTimeout = cause instanceof Error && /timeout expired|in time/.test(cause.message)
  const reason = code ?? (isTimeout ? 'ETIMEDOUT' : undefined)
  const said = cause instanceof Error ? cause.message : String(cause)
  // Only what others say can quote it: our own words, such as the name of a user, may look like it by chance.
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
    return 'the limit is of this database alone: connect to another one, such as postgres, to see who is connected'
  if (limited === 'role') return 'the limit is of this role alone: connect as another one'
  return 'all slots are taken; the last ones are kept for superusers, and since PostgreSQL 16 for roles with pg_use_reserved_connections. As such a role, check shows which application has how many'
}

/** A driver or a server may quote what it was given. */
export function withoutPassword(text: string, password: string | undefined): string {
  if (password === undefined || password.length < 3) return text
  return text.replaceAll(password, '***').replaceAll(encodeURIComponent(password), '***')
}

/** The driver's words for it: `SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string`. */
function wantsPassword(cause: unknown): boolean {
  return cause instanceof Error && /^SASL: .*password must be/.test(cause.message)
}

/** Several addresses of one host: the error is a list without a message. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] ?? error) : error
}
