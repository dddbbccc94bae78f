import { signal } from '@preact/signals'
import { Lanes } from './lanes.tsx'
import { type PoolModel, trouble } from './model.ts'
import { filter, windowMillis } from './settings.ts'
import { duration } from './words.ts'

/** Pools whose lanes are drawn; the others are a line each until they are opened. */
const mostDrawn = 4
const mostListed = 20

const opened = signal<ReadonlySet<string>>(new Set())
const closed = signal<ReadonlySet<string>>(new Set())
const listed = signal(mostListed)

export function Pools({ models }: { readonly models: readonly PoolModel[] }) {
  if (models.length === 0) {
    const isFiltered = filter.value.text + filter.value.route + filter.value.kind + filter.value.pool !== ''
    return isFiltered ? (
      <p class="empty">No checkout of the last {duration(windowMillis.value)} matches.</p>
    ) : null
  }
  const shown = models.slice(0, listed.value)
  return (
    <section aria-labelledby="pools">
      <h2 id="pools">Pools</h2>
      {shown.map((model, at) => (
        <Pool key={model.pool.id} model={model} isDrawn={isDrawn(model, at)} />
      ))}
      {models.length > shown.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            listed.value += mostListed
          }}
        >
          Show {Math.min(mostListed, models.length - shown.length)} more of {models.length} pools
        </button>
      )}
    </section>
  )
}

function isDrawn(model: PoolModel, at: number): boolean {
  const { id } = model.pool
  if (opened.value.has(id)) return true
  return !closed.value.has(id) && at < mostDrawn && (at < 2 || trouble(model) > 0)
}

function toggle(id: string, isShown: boolean): void {
  const add = (set: ReadonlySet<string>) => new Set([...set, id])
  const remove = (set: ReadonlySet<string>) => new Set([...set].filter((one) => one !== id))
  opened.value = isShown ? remove(opened.value) : add(opened.value)
  closed.value = isShown ? add(closed.value) : remove(closed.value)
}

function Pool({ model, isDrawn: isShown }: { readonly model: PoolModel; readonly isDrawn: boolean }) {
  const { pool, findings } = model
  const leaks = findings.filter(({ isLeak }) => isLeak).length
  const isFull = pool.max !== undefined && pool.out >= pool.max
  const id = `pool-${pool.id}`
  return (
    <article class="pool" aria-labelledby={id}>
      <div class="pool-head">
        <h3 id={id}>
          <button
            type="button"
            class="plain"
            aria-expanded={isShown}
            onClick={() => toggle(pool.id, isShown)}
          >
            <span class="chevron" aria-hidden="true" />
            {pool.id}
          </button>
        </h3>
        <ul class="facts">
          <li class={isFull ? 'bad' : ''}>
            {pool.max === undefined ? `${pool.out} out` : `${pool.out} of ${pool.max} out`}
          </li>
          {pool.waiting > 0 && <li class="bad">{pool.waiting} waiting</li>}
          {leaks > 0 && (
            <li class="bad">
              {leaks} {leaks === 1 ? 'leak' : 'leaks'}
            </li>
          )}
          {pool.waitP95Millis !== undefined && pool.waitP95Millis >= 1 && (
            <li>p95 wait {duration(pool.waitP95Millis)}</li>
          )}
          {pool.ending && <li class="warning">ending</li>}
        </ul>
        <Use model={model} />
      </div>
      {isShown && <Lanes model={model} />}
    </article>
  )
}

/** How much of the pool was in use, second by second. */
function Use({ model: { levels, pool } }: { readonly model: PoolModel }) {
  const most = Math.max(pool.max ?? 0, ...levels.map(([, used]) => used), 1)
  const [first] = levels
  const last = levels.at(-1)
  if (first === undefined || last === undefined || levels.length < 3) return null
  const span = last[0] - first[0] || 1
  const points = (pick: (level: (typeof levels)[number]) => number) =>
    levels.map(
      (level) => `${(((level[0] - first[0]) / span) * 100).toFixed(2)},${(24 - pick(level) * 24).toFixed(2)}`,
    )
  const used = points(([, count]) => count / most)
  const waiting = points(([, , count]) => Math.min(1, count / most))
  return (
    <svg
      class="use"
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={`In use: ${last[1]} of ${most}`}
    >
      <polygon class="used" points={`0,24 ${used.join(' ')} 100,24`} />
      <polyline class="wait" points={waiting.join(' ')} />
    </svg>
  )
}
