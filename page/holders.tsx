import { signal } from '@preact/signals'
import { filter } from './settings.ts'
import { sections } from './store.ts'
import { duration } from './words.ts'

const by = signal<'route' | 'line'>('route')
const step = 10
const shownCount = signal(step)

export function Holders() {
  const { text, pool } = filter.value
  const rows = [...sections.holders.value.values()]
    .filter((row) => row.by === by.value && (pool === '' || row.pool === pool))
    .filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()))
    .toSorted((one, other) => other.heldMillis - one.heldMillis)
  if (sections.holders.value.size === 0) return null
  const shown = rows.slice(0, shownCount.value)
  const most = Math.max(1, ...rows.map(({ heldMillis }) => heldMillis))
  return (
    <section aria-labelledby="holders">
      <div class="section-head">
        <h2 id="holders">Held in total</h2>
        <fieldset class="windows">
          <legend class="hidden">Rows</legend>
          {(['route', 'line'] as const).map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={by.value === one}
              onClick={() => {
                by.value = one
              }}
            >
              by {one}
            </button>
          ))}
        </fieldset>
      </div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{by.value}</th>
              <th scope="col" class="wide">
                pool
              </th>
              <th scope="col" class="number">
                checkouts
              </th>
              <th scope="col" class="number">
                in total
              </th>
              <th scope="col" class="number wide">
                p95
              </th>
              <th scope="col" class="number wide">
                longest
              </th>
              <th scope="col" class="number wide">
                in the database
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.id}>
                <th scope="row">
                  <span
                    class="share"
                    style={{ width: `${(row.heldMillis / most) * 100}%` }}
                    aria-hidden="true"
                  />
                  {by.value === 'line' ? <code>{row.label}</code> : row.label}
                </th>
                <td class="wide">{row.pool}</td>
                <td class="number">{row.checkouts}</td>
                <td class="number">{duration(row.heldMillis)}</td>
                <td class="number wide">{duration(row.p95Millis)}</td>
                <td class="number wide">{duration(row.maxMillis)}</td>
                <td class="number wide">{Math.round(row.busyShare * 100)} %</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > shown.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            shownCount.value += step
          }}
        >
          Show more of {rows.length}
        </button>
      )}
    </section>
  )
}
