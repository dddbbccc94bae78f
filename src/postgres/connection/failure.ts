/** What helps, by SQLSTATE or the system's error code. */
const advice: Readonly<Record<string, string>> = {
  '28P01': 'set PGPASSWORD or ~/.pgpass, or correct the password',
  '3D000': 'name another one with --url or PGDATABASE',
  '53300':
    'all slots are taken; the last ones are kept for superusers, and since PostgreSQL 16 for roles with pg_use_reserved_connections',
  '57P03': 'the server starts, stops or recovers: try again',
  '08P01': 'is this a pooler that refuses startup options? Unset PGOPTIONS, or connect to the server itself',
  ECONNREFUSED: 'is the server there, and does it listen on this address?',
  ENOTFOUND: 'there is no such host',
  ETIMEDOUT:
    'the host does not answer, or a lock on a catalog such as pg_class keeps new sessions from starting',
}

const noPassword = 'the server asks for a password, and there is none'

/** Why there is no connection: a message without the password, and the code that the server or the system gave. */
export function explainFailure(
  error: unknown,
  target: string,
  password: string | undefined,
): [message: string, reason: string | undefined] {
  const cause = firstOf(error)
  const code = cause !== null && typeof cause === 'object' && 'code' in cause ? String(cause.code) : undefined
  const isTimeout = cause instanceof Error && /timeout expired|in time/.test(cause.message)
  const reason = code ?? (isTimeout ? 'ETIMEDOUT' : undefined)
  const said = cause instanceof Error ? cause.message : String(cause)
  // Only what others say can quote it: our own words, such as the name of a user, may look like it by chance.
  const text = wantsPassword(cause) ? noPassword : withoutPassword(said, password)
  const hint = text === noPassword ? advice['28P01'] : reason === undefined ? undefined : advice[reason]
  const message = `${target}: ${text}${reason === undefined ? '' : ` (${reason})`}${hint === undefined ? '' : `\n${hint}`}`
  return [message, reason]
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
