import { useRef } from 'preact/hooks'
import { clearFilter } from './header.tsx'
import { filter } from './settings.ts'
import { sections } from './store.ts'

/** More choices than these are found by typing. */
const mostChoices = 200

export function FilterBar() {
  const { pools, findings, checkouts } = sections
  const { text, pool, route, kind } = filter.value
  const field = useRef<HTMLInputElement>(null)
  const kinds = new Set([...findings.value.values()].map((finding) => finding.kind))
  const routes = new Set([...checkouts.value.values()].flatMap((one) => one.route ?? []))
  const isFiltered = text !== '' || pool !== '' || route !== '' || kind !== ''
  return (
    <search class="filter">
      <label>
        <span class="hidden">Find a route, line or statement</span>
        <input
          ref={field}
          id="find"
          type="search"
          placeholder="Find a route, line or statement   /"
          value={text}
          onInput={(event) => {
            filter.value = { ...filter.peek(), text: event.currentTarget.value }
          }}
        />
      </label>
      <Choice name="pool" all="all pools" value={pool} choices={pools.value.keys()} />
      <Choice name="route" all="all routes" value={route} choices={routes} />
      <Choice name="kind" all="all findings" value={kind} choices={kinds} />
      {isFiltered && (
        <button type="button" onClick={clearFilter}>
          Clear
        </button>
      )}
    </search>
  )
}

interface ChoiceProps {
  readonly name: 'pool' | 'route' | 'kind'
  readonly all: string
  readonly value: string
  readonly choices: Iterable<string>
}

function Choice({ name, all, value, choices }: ChoiceProps) {
  const sorted = [...new Set([...choices, ...(value === '' ? [] : [value])])].toSorted().slice(0, mostChoices)
  if (sorted.length < 2 && value === '') return null
  return (
    <label>
      <span class="hidden">{name}</span>
      <select
        value={value}
        onChange={(event) => {
          filter.value = { ...filter.peek(), [name]: event.currentTarget.value }
        }}
      >
        <option value="">{all}</option>
        {sorted.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  )
}
