import { isOpen } from './model.ts'
import { filter, helpIsOpen, theme, windowMillis, windows } from './settings.ts'
import { connection, head, lastChangeAt, now, pausedAt, sections, togglePause } from './store.ts'
import type { Verdict } from './verdict.ts'
import { duration } from './words.ts'

export function Header({ level }: { readonly level: Verdict['level'] }) {
  const findings = [...sections.findings.value.values()].filter(isOpen)
  const leaks = findings.filter(({ isLeak }) => isLeak).length
  const pools = sections.pools.value.size
  const title = head.value?.title ?? 'pg-lifeguard'
  const summary =
    leaks > 0
      ? `${leaks} ${leaks === 1 ? 'leak' : 'leaks'} open`
      : findings.length > 0
        ? `${findings.length} suspected`
        : ''
  document.title = `${summary === '' ? '' : `${summary} - `}${title}`
  return (
    <header>
      <h1>
        <span class={`buoy ${level}`} aria-hidden="true" />
        {title}
      </h1>
      <p class="counts">
        {leaks > 0 && <strong class="bad">{summary}</strong>}
        {leaks === 0 && findings.length > 0 && <strong class="warning">{summary}</strong>}
        {pools > 0 && (
          <span>
            {pools} {pools === 1 ? 'pool' : 'pools'}
          </span>
        )}
        <Live />
      </p>
      <div class="controls">
        <fieldset class="windows">
          <legend class="hidden">Time shown</legend>
          {windows.map((millis, at) => (
            <button
              type="button"
              key={millis}
              aria-pressed={windowMillis.value === millis}
              title={`Show the last ${duration(millis)} (key ${at + 1})`}
              onClick={() => {
                windowMillis.value = millis
              }}
            >
              {millis / 60_000} min
            </button>
          ))}
        </fieldset>
        <button
          type="button"
          aria-pressed={pausedAt.value !== undefined}
          title="Pause (key p)"
          onClick={togglePause}
        >
          {pausedAt.value === undefined ? 'Pause' : 'Go on'}
        </button>
        <button type="button" title="Light or dark (key t)" onClick={nextTheme}>
          Theme: {theme.value}
        </button>
        <button
          type="button"
          title="Keys and signs (key ?)"
          aria-label="Help"
          onClick={() => {
            helpIsOpen.value = true
          }}
        >
          ?
        </button>
      </div>
    </header>
  )
}

function Live() {
  const { state } = connection.value
  if (pausedAt.value !== undefined)
    return <span class="live paused">paused at {new Date(pausedAt.value).toLocaleTimeString()}</span>
  if (state === 'live') return <span class="live on">live</span>
  const age =
    lastChangeAt.value === undefined ? '' : `, last data ${duration(now.value - lastChangeAt.value)} ago`
  return <span class="live off">{state === 'connecting' ? 'connecting' : `not connected${age}`}</span>
}

export function nextTheme(): void {
  const order = ['auto', 'light', 'dark'] as const
  theme.value = order[(order.indexOf(theme.peek()) + 1) % order.length] ?? 'auto'
}

export function clearFilter(): void {
  filter.value = { text: '', pool: '', route: '', kind: '' }
}
