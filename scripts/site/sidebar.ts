import { examplePages } from './pages.ts'

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

/** The pages in the order in which they are of use. */
export const sidebar: Group[] = [
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
