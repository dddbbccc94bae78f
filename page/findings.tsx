import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { PageFinding } from '../src/page/view/page-data.ts'
import { type FindingGroup, findingGroups, isOpen, matches } from './model.ts'
import { filter, selected } from './settings.ts'
import { now, sections } from './store.ts'
import { adviceOn, outcomeText, sentence } from './verdict.ts'
import { duration } from './words.ts'

const step = 25
const shownCount = signal(step)
const withResolved = signal(false)
const repository = 'https://github.com/pg-lifeguard/pg-lifeguard/blob/main/'

export function Findings() {
  const all = [...sections.findings.value.values()].filter((finding) => matches(filter.value, finding))
  const open = all.filter(isOpen)
  const listed = withResolved.value || open.length === 0 ? all : open
  const chosen = /^finding (.+)$/.exec(selected.value ?? '')?.[1]
  const extra = all.filter(({ id }) => id === chosen && !listed.some((one) => one.id === id))
  const groups = findingGroups([...extra, ...listed], chosen)
  const shown = groups.filter(({ finding }, at) => at < shownCount.value || finding.id === chosen)
  return (
    <section aria-labelledby="findings">
      <div class="section-head">
        <h2 id="findings" tabIndex={-1}>
          Findings
        </h2>
        <p>
          {open.length} open, {all.length - open.length} resolved
        </p>
        {open.length > 0 && all.length > open.length && (
          <label class="check">
            <input
              type="checkbox"
              checked={withResolved.value}
              onChange={(event) => {
                withResolved.value = event.currentTarget.checked
              }}
            />
            show resolved
          </label>
        )}
      </div>
      {groups.length === 0 && (
        <p class="empty">Nothing was found{filter.value.text === '' ? '' : ' that matches'}.</p>
      )}
      <ul class="findings">
        {shown.map((group) => (
          <FindingRow
            key={`${group.finding.pool} ${group.finding.fingerprint} ${isOpen(group.finding)}`}
            group={group}
            isChosen={group.finding.id === chosen}
          />
        ))}
      </ul>
      {groups.length > shown.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            shownCount.value += step
          }}
        >
          Show {Math.min(step, groups.length - shown.length)} more of {groups.length} findings
        </button>
      )}
    </section>
  )
}

function FindingRow({ group, isChosen }: { readonly group: FindingGroup; readonly isChosen: boolean }) {
  const { finding, others } = group
  const { id, kind, certainty, isLeak, place, route, occurrences, openedAt, resolvedAt, pool, outcome } =
    finding
  const level = !isOpen(finding) ? 'good' : isLeak || certainty === 'certain' ? 'bad' : 'warning'
  const row = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (isChosen) row.current?.scrollIntoView({ block: 'nearest' })
  }, [isChosen])
  const count = others.length + 1
  const oldest = Math.min(openedAt, ...others.map((other) => other.openedAt))
  return (
    <li class={`finding level-${level}`} ref={row}>
      <button
        type="button"
        class="plain row"
        aria-expanded={isChosen}
        data-finding={id}
        onClick={() => {
          selected.value = isChosen ? undefined : `finding ${id}`
        }}
      >
        <span class={`tag level-${level}`}>{isOpen(finding) ? certainty : 'resolved'}</span>
        <span class="kind">{kind}</span>
        {place !== undefined && <code class="place">{place}</code>}
        {route !== undefined && <span class="route">{route}</span>}
        <span class="meta">
          {sections.pools.value.size > 1 && <span>pool {pool}</span>}
          {occurrences > 1 && <span>{occurrences} times</span>}
          {count > 1 && resolvedAt === undefined && <span>{count} open now</span>}
          <span>
            {resolvedAt === undefined
              ? `${count > 1 ? 'the first' : 'open'} for ${duration(now.value - oldest)}`
              : `resolved ${duration(now.value - resolvedAt)} ago`}
          </span>
        </span>
        <span class="hint">{sentence(finding.hint)}</span>
        {outcome !== undefined && <span class="done">Done: {outcomeText(finding)}</span>}
      </button>
      {isChosen && <FindingDetails finding={finding} others={others} />}
    </li>
  )
}

interface FindingDetailsProps {
  readonly finding: PageFinding
  readonly others: readonly PageFinding[]
}

function FindingDetails({ finding, others }: FindingDetailsProps) {
  const { kind, code, frames, holders, lastQuery, left, aftermath, pid, resolution, docs } = finding
  const pairs: (readonly [string, string | undefined])[] = [
    ['session', pid === undefined ? undefined : `pid ${pid}`],
    ['transaction began at', finding.transactionPlace],
    ['happened at', finding.eventPlace],
    ['request', finding.scopeId],
    ['trace', finding.traceId],
    ['left', left?.join(', ')],
    ['damage', aftermath],
    ['last statement', lastQuery],
    ['remedy', finding.remedy],
    ['resolved', resolution],
  ]
  return (
    <div class="details">
      <p>
        <strong>What to do:</strong> {adviceOn(kind)}
      </p>
      {code !== undefined && <pre class="code">{code.join('\n')}</pre>}
      <dl>
        {pairs.map(([name, text]) =>
          text === undefined ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ),
        )}
      </dl>
      {others.length > 0 && (
        <>
          <h3>The same, {others.length} more</h3>
          <ul class="plain-list">
            {others.slice(0, 20).map((other) => (
              <li key={other.id}>
                <button
                  type="button"
                  class="link"
                  onClick={() => {
                    selected.value = `finding ${other.id}`
                  }}
                >
                  {other.pid === undefined ? other.id : `pid ${other.pid}`}
                </button>
                , since {duration(now.value - other.openedAt)}
              </li>
            ))}
          </ul>
        </>
      )}
      {holders.length > 0 && (
        <>
          <h3>Held by</h3>
          <ul class="plain-list">
            {[...new Set(holders)].slice(0, 20).map((holder) => (
              <li key={holder}>
                <code>{holder}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {frames.length > 1 && (
        <>
          <h3>{finding.areFramesUsual === true ? 'Usually called from' : 'Called from'}</h3>
          <ol class="frames">
            {frames.map((frame) => (
              <li key={frame}>
                <code>{frame}</code>
              </li>
            ))}
          </ol>
        </>
      )}
      <p>
        <a href={`${repository}${docs}`} rel="noreferrer" target="_blank">
          Documentation of {kind}
        </a>
      </p>
    </div>
  )
}
