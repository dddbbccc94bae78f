import { computed } from '@preact/signals'
import { Details } from './details.tsx'
import { FilterBar } from './filter-bar.tsx'
import { Findings } from './findings.tsx'
import { Header } from './header.tsx'
import { Help } from './help.tsx'
import { Holders } from './holders.tsx'
import { poolModels } from './model.ts'
import { Pools } from './pools.tsx'
import { ServerView } from './server-view.tsx'
import { filter, nothing, windowMillis } from './settings.ts'
import { connection, now, sections, server } from './store.ts'
import { verdictOf } from './verdict.ts'
import { VerdictCard } from './verdict-card.tsx'

const models = computed(() => {
  const { pools, checkouts, findings, levels } = sections
  const span = { from: now.value - windowMillis.value, to: now.value }
  const sources = {
    pools: [...pools.value.values()],
    checkouts: [...checkouts.value.values()],
    findings: [...findings.value.values()],
    levels: [...levels.value.values()],
  }
  return poolModels(sources, filter.value, span)
})

/** Not filtered: a filter must not hide that something is wrong. */
const verdict = computed(() => {
  const { pools, checkouts, findings } = sections
  const span = { from: now.value - 1, to: now.value }
  const all = poolModels(
    {
      pools: [...pools.value.values()],
      checkouts: [...checkouts.value.values()],
      findings: [...findings.value.values()],
      levels: [],
    },
    nothing,
    span,
  )
  return verdictOf(all, checkouts.value, server.value, now.value)
})

export function App() {
  const state = connection.value.state
  const isEmpty = sections.head.value.size === 0
  // Without an application to look at, "nothing was found" would say more than is known.
  const hasPools = sections.pools.value.size > 0 || sections.findings.value.size > 0
  return (
    <>
      <a class="skip" href={hasPools ? '#findings' : '#server'}>
        Skip to the {hasPools ? 'findings' : 'server'}
      </a>
      <Header level={verdict.value.level} />
      <main>
        <Trouble />
        {isEmpty ? (
          <p class="empty">{state === 'connecting' ? 'Connecting...' : 'No data yet.'}</p>
        ) : (
          <>
            <VerdictCard verdict={verdict.value} />
            <FilterBar />
            <Pools models={models.value} />
            {hasPools && <Findings />}
            {hasPools && <Holders />}
            <ServerView />
          </>
        )}
      </main>
      <Details />
      <Help />
    </>
  )
}

/** What keeps the page from showing the present. */
function Trouble() {
  const state = connection.value
  const apps = [...sections.apps.value.values()].filter(({ lost }) => lost !== undefined)
  if (state.state !== 'lost' && state.state !== 'refused' && apps.length === 0) return null
  return (
    <div class="trouble" role="status">
      {state.state === 'lost' && (
        <p>The connection is lost. The page shows the last data, and tries again.</p>
      )}
      {state.state === 'refused' && <p>The service refuses: {state.reason}</p>}
      {apps.map(({ id, lost }) => (
        <p key={id}>
          {id}: {lost}
        </p>
      ))}
    </div>
  )
}
