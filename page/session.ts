/** How the page reaches its own origin. */
export interface Access {
  /** The URL of a part of the page, such as `events`. */
  url(part: string): string
  readonly headers: Readonly<Record<string, string>>
}

const keyName = 'pg-lifeguard.session'

/** The path of the page, without a slash at its end: the page may be mounted anywhere. */
export const base = location.pathname.replace(/\/+$/, '')

export const access: { current: Access } = { current: accessWith(undefined) }

/**
 * Exchanges the one-time token of the link for the key of this browser tab, and removes it from the address. The key is
 * kept by the tab alone: cookies would go to every service of the same host.
 */
export async function openSession(): Promise<Access> {
  const parameters = new URLSearchParams(location.hash.slice(1))
  const token = parameters.get('token')
  if (token !== null) {
    parameters.delete('token')
    history.replaceState(null, '', `${location.pathname}#${parameters}`)
    const response = await fetch(`${base}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    }).catch(() => undefined)
    if (response?.ok === true)
      sessionStorage.setItem(keyName, ((await response.json()) as { key: string }).key)
  }
  access.current = accessWith(sessionStorage.getItem(keyName) ?? undefined)
  return access.current
}

function accessWith(key: string | undefined): Access {
  return {
    url: (part) => `${base}/${part}`,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  }
}
