import { signal } from '@preact/signals'
import type { Bar, Lane, PoolModel } from './model.ts'
import { selected, windowMillis } from './settings.ts'
import { now } from './store.ts'
import { countsOf, duration, hueOf, labelOf, stateOf } from './words.ts'

const mostLanes = 12
const mostWaits = 200
const all = signal<ReadonlySet<string>>(new Set())

export function Lanes({ model }: { readonly model: PoolModel }) {
  const { lanes, pool, waits } = model
  const isWhole = all.value.has(pool.id)
  // Those that need to be looked at are never among the hidden ones.
  const important = lanes.filter(({ finding }) => finding !== undefined)
  const shown = isWhole
    ? lanes
    : [...new Set([...important, ...lanes])]
        .slice(0, mostLanes)
        .toSorted((one, other) => one.slot - other.slot)
  if (lanes.length === 0 && waits.length === 0)
    return <p class="empty">No checkout in the last {duration(windowMillis.value)}.</p>
  return (
    <div class="lanes">
      <Axis />
      <ul>
        {shown.map((lane) => (
          <LaneRow key={lane.slot} lane={lane} />
        ))}
        {(waits.length > 0 || model.waiting.length > 0) && <WaitRow model={model} />}
      </ul>
      {lanes.length > shown.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            all.value = new Set([...all.value, pool.id])
          }}
        >
          Show all {lanes.length} slots
        </button>
      )}
    </div>
  )
}

function Axis() {
  const millis = windowMillis.value
  const marks = [0, 0.2, 0.4, 0.6, 0.8]
  return (
    <div class="axis" aria-hidden="true">
      <div class="marks">
        {marks.map((at) => (
          <span key={at} style={{ left: `${at * 100}%` }}>
            -{duration(millis * (1 - at))}
          </span>
        ))}
        <span class="now">now</span>
      </div>
    </div>
  )
}

function LaneRow({ lane }: { readonly lane: Lane }) {
  const { slot, bars, open, finding } = lane
  const state = open === undefined ? 'free' : stateOf(open, now.value)
  const level = finding === undefined ? '' : finding.isLeak ? 'bad' : 'warning'
  return (
    <li class={`lane ${level}`}>
      <span class="slot">
        <span class="hidden">slot </span>
        {slot + 1}
      </span>
      <Track bars={bars} />
      <div class="state">
        {open === undefined ? (
          <span class="free">free</span>
        ) : (
          <button
            type="button"
            class="plain"
            onClick={() => {
              selected.value = finding === undefined ? `checkout ${open.id}` : `finding ${finding.id}`
            }}
          >
            <span class="what">{state}</span>
            <span class="hidden">, {labelOf(open)}, at </span>
            {open.place !== undefined && <code>{open.place}</code>}
          </button>
        )}
      </div>
    </li>
  )
}

function WaitRow({ model: { waits, waiting, pool } }: { readonly model: PoolModel }) {
  const count = Math.max(waiting.length, pool.waiting)
  return (
    <li class={`lane wait ${count > 0 ? 'bad' : ''}`}>
      <span class="slot" title="callers that waited for a client">
        <span class="hidden">callers waiting</span>
        <span aria-hidden="true">w</span>
      </span>
      <div class="track" aria-hidden="true">
        {waits.slice(-mostWaits).map((bar) => (
          <div
            key={bar.key}
            class={`tick ${bar.isSuspected ? 'lost' : ''}`}
            style={{ left: percent(bar.from), width: percent(bar.to - bar.from) }}
            title={`${bar.label} waited`}
          />
        ))}
      </div>
      <div class="state">
        {count === 0 ? (
          <span class="free">nobody waits</span>
        ) : (
          <span class="what">
            {count} {count === 1 ? 'waits' : 'wait'}
            {waiting.length > 0 && `: ${countsOf(waiting.map(labelOf))}`}
          </span>
        )}
      </div>
    </li>
  )
}

function Track({ bars }: { readonly bars: readonly Bar[] }) {
  return (
    <div class="track" aria-hidden="true">
      {bars.map((bar) => (
        <BarBox key={bar.key} bar={bar} />
      ))}
    </div>
  )
}

function BarBox({ bar }: { readonly bar: Bar }) {
  const { from, to, label, checkout, count } = bar
  const width = Math.max(to - from, 0.0015)
  const signs = [bar.isLeak ? 'leak' : bar.isSuspected ? 'suspected' : '', bar.isOpen ? 'open' : '']
  return (
    // A pointer's shortcut: the same is behind the button of the lane and in the lists below.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    // biome-ignore lint/a11y/noStaticElementInteractions: see above
    <div
      class={`bar ${signs.join(' ')}`}
      style={{ left: percent(from), width: percent(width), '--hue': hueOf(label) }}
      title={titleOf(bar)}
      onClick={() => {
        selected.value = `checkout ${checkout.id}`
      }}
    >
      {bar.transactions.map(([start, end]) => (
        <div
          key={start}
          class="transaction"
          style={{ left: percent((start - from) / width), width: percent((end - start) / width) }}
        />
      ))}
      {width > 0.035 && <span class="label">{count > 1 ? `${label} (${count})` : label}</span>}
    </div>
  )
}

function titleOf({ label, checkout, count }: Bar): string {
  const { place, acquiredAt = 0, endedAt } = checkout
  const held = duration((endedAt ?? now.peek()) - acquiredAt)
  return [
    label,
    ...(place === undefined ? [] : [place]),
    count > 1 ? `${count} checkouts` : `held ${held}`,
  ].join('\n')
}

function percent(part: number): string {
  return `${(part * 100).toFixed(3)}%`
}
