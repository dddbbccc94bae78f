import { effect, signal } from '@preact/signals'

/** What the reader has chosen, kept in the address, so that a link shows the same. */
export interface Filter {
  readonly text: string
  readonly pool: string
  readonly route: string
  readonly kind: string
}

export const windows = [60_000, 300_000, 900_000] as const

export const nothing: Filter = { text: '', pool: '', route: '', kind: '' }
export const filter = signal<Filter>(nothing)
export const windowMillis = signal<number>(300_000)
/** The id of the finding or checkout whose details are open: `finding f3`, `checkout 17`, `session 4711`. */
export const selected = signal<string | undefined>(undefined)
export const theme = signal<'auto' | 'light' | 'dark'>('auto')
export const helpIsOpen = signal(false)

const themeName = 'pg-lifeguard.theme'

/** Reads the address, follows its changes, and writes what is chosen into it. */
export function followAddress(): void {
  const stored = storedTheme()
  if (stored === 'light' || stored === 'dark') theme.value = stored
  readAddress()
  addEventListener('hashchange', () => readAddress())
  effect(() => {
    const hash = addressOf(filter.value, windowMillis.value, selected.value)
    if (hash !== location.hash.slice(1) && !location.hash.includes('token=')) {
      history.replaceState(null, '', hash === '' ? location.pathname : `#${hash}`)
    }
  })
  effect(() => {
    const chosen = theme.value
    if (chosen === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = chosen
    storeTheme(chosen)
  })
}

/** A browser may refuse to store anything. */
function storedTheme(): string | null {
  try {
    return localStorage.getItem(themeName)
  } catch {
    return null
  }
}

function storeTheme(chosen: string): void {
  try {
    localStorage.setItem(themeName, chosen)
  } catch {
    // The theme is then that of this visit.
  }
}

export function readAddress(hash: string = location.hash.slice(1)): void {
  const given = new URLSearchParams(hash)
  filter.value = {
    text: given.get('find') ?? '',
    pool: given.get('pool') ?? '',
    route: given.get('route') ?? '',
    kind: given.get('kind') ?? '',
  }
  const minutes = Number(given.get('minutes'))
  windowMillis.value = windows.find((one) => one === minutes * 60_000) ?? 300_000
  selected.value = given.get('show') ?? undefined
  const shade = given.get('theme')
  if (shade === 'light' || shade === 'dark') theme.value = shade
}

export function addressOf(chosen: Filter, millis: number, shown: string | undefined): string {
  const parts = new URLSearchParams()
  if (chosen.text !== '') parts.set('find', chosen.text)
  if (chosen.pool !== '') parts.set('pool', chosen.pool)
  if (chosen.route !== '') parts.set('route', chosen.route)
  if (chosen.kind !== '') parts.set('kind', chosen.kind)
  if (millis !== 300_000) parts.set('minutes', String(millis / 60_000))
  if (shown !== undefined) parts.set('show', shown)
  return parts.toString()
}

/** Changes a part of the filter; the same value again clears it. */
export function toggleFilter(name: keyof Filter, value: string): void {
  const before = filter.peek()
  filter.value = { ...before, [name]: before[name] === value ? '' : value }
}
