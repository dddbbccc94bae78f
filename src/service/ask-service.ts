import { ConnectionError } from '../errors.ts'

/** A service that has mounted `lifeguardHandler`. */
export interface Service {
  /** Of its handler, without a slash at the end. */
  readonly url: string
  /** Where it runs: the files that it names are below it. */
  readonly workingDirectory: string | undefined
  /** @throws ConnectionError */
  ask(page: 'snapshot' | 'findings'): Promise<unknown>
}

export interface ServiceAccess {
  readonly token: string | undefined
  /** How the caller's user gives the token. */
  readonly tokenName: string
}

const answerMillis = 5_000

/** The URL as it is asked, or nothing if it is none of HTTP. */
export function serviceUrl(url: string): string | undefined {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined
  return url.replace(/\/+$/, '')
}

/**
 * Finds the lifeguard at a URL of {@link serviceUrl}.
 *
 * @throws ConnectionError if nobody answers, or not as a lifeguard does
 */
export async function askService(url: string, access: ServiceAccess): Promise<Service> {
  const index = await get(url, access)
  if (fieldOf(index, 'service') !== 'pg-lifeguard') {
    throw new ConnectionError(`${url}: there is no lifeguard here; is lifeguardHandler mounted at this path?`)
  }
  return {
    url,
    workingDirectory: textOf(fieldOf(index, 'workingDirectory')),
    ask: (page) => get(`${url}/${page}`, access),
  }
}

async function get(url: string, { token, tokenName }: ServiceAccess): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(answerMillis),
    })
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw new ConnectionError(
      `${url}: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`,
    )
  }
  if (response.status === 401 || response.status === 403) {
    throw new ConnectionError(`${url}: refused (${response.status}); give its token with ${tokenName}`)
  }
  if (!response.ok) throw new ConnectionError(`${url}: answered ${response.status}`)
  try {
    return await response.json()
  } catch {
    throw new ConnectionError(`${url}: the answer is no JSON`)
  }
}

/** A field of something that may be anything. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** A text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The path from the service's working directory, if the file is below it; of either kind of machine. */
export function pathBelow(file: string, directory: string | undefined): string | undefined {
  const prefix = directory?.replace(/[\\/]+$/, '')
  if (prefix === undefined || !file.startsWith(prefix) || !/^[\\/]/.test(file.slice(prefix.length))) {
    return undefined
  }
  return file.slice(prefix.length + 1)
}
