import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { examplePages, root, sources } from './pages.ts'

interface Entry {
  readonly text: string
  readonly link: string
}

interface Group {
  readonly text: string
  readonly collapsed?: boolean
  readonly items: Entry[]
}

const docs = (text: string, name: string): Entry => ({ text, link: `/docs/${name}` })

const groups: Group[] = [
  {
    text: 'Start',
    items: [
      { text: 'Overview', link: '/' },
      docs('Guide', 'guide'),
      docs('Without changing code', 'register'),
      docs('Findings', 'findings'),
    ],
  },
  {
    text: 'In a service',
    items: [
      docs('Libraries', 'libraries'),
      docs('Requests', 'requests'),
      docs('Bundles', 'bundles'),
      docs('The live page', 'page'),
      docs('Observability', 'observability'),
      docs('From a watchdog of your own', 'migrating'),
    ],
  },
  { text: 'In tests', items: [docs('Leak checks', 'testing')] },
  {
    text: 'On the server',
    items: [
      docs('A migration does not get through', 'migration-timeouts'),
      docs('Check and terminate', 'server'),
      docs('Watch', 'watch'),
      docs('Migrate', 'migrate'),
    ],
  },
  {
    text: 'Reference',
    items: [
      docs('Reference', 'reference'),
      docs('Glossary', 'glossary'),
      docs('Versions', 'versioning'),
      { text: 'Changelog', link: '/CHANGELOG' },
      { text: 'Security', link: '/SECURITY' },
    ],
  },
  {
    text: 'Inside',
    items: [
      docs('How it works', 'how-it-works'),
      docs('Benchmarks', 'benchmarks'),
      docs('Soak', 'soak'),
      docs('Size', 'size'),
      { text: 'Contributing', link: '/CONTRIBUTING' },
      docs('Map of the source', 'map'),
    ],
  },
  {
    text: 'Examples',
    collapsed: true,
    items: examplePages.map((name) => ({ text: name, link: `/examples/${name}/` })),
  },
]

/** Pages that have no place yet, by their titles. */
function others(): Entry[] {
  const listed = new Set(groups.flatMap(({ items }) => items.map(({ link }) => link)))
  return sources.flatMap((source) => {
    const name = /^docs\/(.*)\.md$/.exec(source)?.[1]
    if (name === undefined || listed.has(`/docs/${name}`)) return []
    const title = /^# (.*)$/m.exec(readFileSync(join(root, source), 'utf8'))?.[1] ?? name
    return docs(title, name)
  })
}

/** The pages in the order in which they are of use. */
export const sidebar: Group[] = [
  ...groups,
  ...(others().length === 0 ? [] : [{ text: 'More', items: others() }]),
]
