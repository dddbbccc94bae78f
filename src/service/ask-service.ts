import { ConnectionError } from '../errors.ts'
import { request } from './request.ts'

/** A service that has mounted `lifeguardHandler`. */
export interface Service {
  /** The URL of its handler for display, without trailing slash, user, password and query. */
  readonly url: string
  /** Its working directory, which contains its source files. */
  readonly workingDirectory: string | undefined
  /** The pages that it serves. */
  readonly pages: readonly string[]
  /** @throws ConnectionError */
  ask(page: 'snapshot' | 'findings' | 'timeline'): Promise<unknown>
}

export interface ServiceAccess {
  readonly token: string | undefined
  /** The name of the option for the token, for messages. */
  readonly tokenName: string
  /** Aborts the request. */
  readonly signal?: AbortSignal
  /** The time limit for an answer, its body included. Default 5 s. */
  readonly answerMillis?: number
}

interface Address {
  /** Without user, password and query. */
  readonly shown: string
  readonly requestUrl: (page: string) => string
  /** The header made from user and password in the URL. */
  readonly authorization: string | undefined
}

const defaultAnswerMillis = 5_000
/** The limit of an answer, far above the size of one process's findings and checkouts. */
const mostBytes = 32 * 1024 * 1024

/** The normalised URL; undefined if it is not an HTTP URL. */
export function serviceUrl(url: string): string | undefined {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined
  return url
}

/**
 * Finds the lifeguard at a URL of {@link serviceUrl}.
 *
 * @throws ConnectionError without an answer of a lifeguard; the message never contains a password of the URL
 */
export async function askService(url: string, access: ServiceAccess): Promise<Service> {
  const address = addressOf(url)
  const index = await get(address, '', access)
  if (fieldOf(index, 'service') !== 'pg-lifeguard') {
    throw new ConnectionError(
      `${address.shown}: there is no lifeguard here: check that lifeguardHandler is mounted at this path`,
    )
  }
  return {
    url: address.shown,
    workingDirectory: textOf(fieldOf(index, 'workingDirectory')),
    pages: textsOf(fieldOf(index, 'pages')),
    ask: (page) => get(address, `/${page}`, access),
  }
}

function addressOf(url: string): Address {
  const { protocol, host, pathname, search, username, password } = new URL(url)
  const shown = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
  const credentials = `${decode(username)}:${decode(password)}`
  return {
    shown,
    requestUrl: (page) => `${shown}${page}${search}`,
    authorization:
      username === '' && password === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function get(address: Address, page: string, access: ServiceAccess): Promise<unknown> {
  const { token, signal, answerMillis = defaultAnswerMillis } = access
  const shown = `${address.shown}${page}`
  const authorization = token === undefined ? address.authorization : `Bearer ${token}`
  try {
    const { status, body } = await request(address.requestUrl(page), {
      headers: authorization === undefined ? {} : { authorization },
      mostBytes,
      answerMillis,
      ...(signal === undefined ? {} : { signal }),
    })
    if (status < 200 || status > 299) throw new Error(refusal(status, access.tokenName))
    return parse(body)
  } catch (error) {
    throw new ConnectionError(`${shown}: ${reasonOf(error)}`)
  }
}

function refusal(status: number, tokenName: string): string {
  return status === 401 || status === 403
    ? `refused (${status}); give its token with ${tokenName}`
    : `answered ${status}`
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new Error('the answer is not JSON')
  }
}

/** The reason of an error. If several addresses refuse, it has a code and no message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || ('code' in error ? String(error.code) : error.name)
}

/** A field of an unknown value; undefined if it is not an object. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** The value if it is a non-empty string. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** The path relative to the service's working directory, if the file is inside it; for POSIX and Windows. */
export function pathBelow(file: string, directory: string | undefined): string | undefined {
  const prefix = directory?.replace(/[\\/]+$/, '')
  if (prefix === undefined || !file.startsWith(prefix) || !/^[\\/]/.test(file.slice(prefix.length))) {
    return undefined
  }
  return file.slice(prefix.length + 1)
}
