import { OptionError } from '../../errors.ts'
import type { ConnectionParameters } from './service-file.ts'

/** What a URL says, by libpq's names.
 *
 * @throws OptionError, without the URL in it, for it may hold a password */
export function urlParameters(text: string, option: string): ConnectionParameters {
  // libpq allows a user without a host, `new URL` does not.
  const withHost = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?]|$)/, `$1${noHost}`)
  // A list with ports is no URL at all.
  if (/^\w+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)/.test(text))
    throw new OptionError(option, 'must name one host, not a list', secret)
  // The error of `new URL` shows what it was given, password included.
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(withHost)) {
    throw new OptionError(option, 'must look like postgres://user@host:5432/database', secret)
  }
  const url = new URL(withHost)
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

const noHost = 'no-host.invalid'

/** Stands for a text that may hold a password, where an error says what it got. */
const secret = { constructor: { name: 'text that is not shown here' } }

function decode(text: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new OptionError(option, 'must have its special characters percent-encoded', secret)
  }
}
