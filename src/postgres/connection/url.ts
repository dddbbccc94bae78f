import { OptionError } from '../../errors.ts'
import type { ConnectionParameters } from './service-file.ts'

/**
 * The parameters in a URL, with libpq's names.
 *
 * @throws OptionError, without the URL, which may contain a password
 */
export function urlParameters(given: string, option: string): ConnectionParameters {
  const text = given.trim()
  const fault = faultOf(text)
  if (fault !== undefined) throw new OptionError(option, fault, secret)
  const url = new URL(withHost(text))
  const { host, port, user, password, dbname, ...more } = Object.fromEntries(url.searchParams)
  const hostname = url.hostname === noHost ? '' : decode(url.hostname, option).replace(/^\[(.*)\]$/, '$1')
  return {
    ...more,
    host: host ?? hostname,
    port: port ?? url.port,
    user: user ?? decode(url.username, option),
    password: password ?? decode(url.password, option),
    dbname: dbname ?? decode(url.pathname.slice(1), option),
  }
}

const example = 'postgres://user@host:5432/database'

/** Frequent mistakes, each with its remedy. The error of `new URL` would show a password. */
const mistakes: readonly (readonly [RegExp, string | ((found: RegExpExecArray) => string)])[] = [
  [/^["'`]|["'`]$/, 'must have no quotes around it'],
  [/^\$\{?\w+\}?$/, 'must be the URL itself, not the name of a variable'],
  [/^jdbc:/i, `must have no jdbc: in front, and the user before the host: ${example}`],
  [
    /^(?:postgres|postgresql)(\+[\w-]+):\/\//i,
    ([, driver]) => `must begin with postgresql://, without ${driver}, the driver of another language`,
  ],
  [/^prisma(?:\+postgres)?:\/\//i, 'must be the URL of the database itself, not of Prisma'],
  [
    /^(?!postgres(?:ql)?:)([a-z][\w+.-]*):\/\//i,
    ([, scheme]) => `must begin with postgres:// or postgresql://, not with ${scheme}://`,
  ],
  [
    /^(?:host|hostaddr|port|dbname|user|password|service|sslmode)\s*=/,
    `must be a URL such as ${example}, not a list of keywords; or set PGHOST, PGUSER, PGDATABASE, ...`,
  ],
  [/^\w+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)/, 'must name one host, not a list'],
  [/#/, 'must have a # in its user or password percent-encoded, as %23'],
]

function faultOf(text: string): string | undefined {
  for (const [pattern, fault] of mistakes) {
    const found = pattern.exec(text)
    if (found !== null) return typeof fault === 'string' ? fault : fault(found)
  }
  if (/^postgres(?:ql)?:\/\//.test(text) && URL.canParse(withHost(text))) return undefined
  // After the first slash or question mark there can be no host.
  return /^postgres(?:ql)?:\/\/[^/?]*:[^@/?]*[/?].*@/.test(text)
    ? 'must have special characters of its password percent-encoded: / as %2F, ? as %3F, @ as %40'
    : `must look like ${example}`
}

/** libpq allows a user without a host, `new URL` does not. */
function withHost(text: string): string {
  return text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?]|$)/, `$1${noHost}`)
}

const noHost = 'no-host.invalid'

/** A placeholder in error messages for a string that may contain a password. */
const secret = { constructor: { name: 'text that is not shown here' } }

function decode(text: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new OptionError(
      option,
      'must have special characters, such as %, percent-encoded (% as %25)',
      secret,
    )
  }
}
