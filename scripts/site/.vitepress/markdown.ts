import { Graphviz } from '@hpcc-js/wasm-graphviz'
import type { MarkdownRenderer } from 'vitepress'
import { linkOnSite } from '../pages.ts'

const graphviz = await Graphviz.load()

/** Pages of the repository look, and lead, as they do there. */
export function asOnGitHub(md: MarkdownRenderer): void {
  md.core.ruler.push('links of the repository', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (href !== null) token.attrSet('href', linkOnSite(env.relativePath, href))
    }
  })

  const { fence } = md.renderer.rules
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info = '', content = '' } = tokens[index] ?? {}
    if (info === 'mermaid') return diagram(content)
    const shown = fence?.(tokens, index, ...rest) ?? ''
    // Examples of docs/findings.md.
    const [, flag] = info.split(' ')
    return flag === 'wrong' || flag === 'right' ? `<div class="example ${flag}">${shown}</div>` : shown
  }

  const { table_open: open, table_close: close } = md.renderer.rules
  md.renderer.rules.table_open = (tokens, index, options, env, self) =>
    `<div class="table">${open?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)}`
  md.renderer.rules.table_close = (tokens, index, options, env, self) =>
    `${close?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)}</div>`
}

/** A flowchart of arrows, `a & b --> c`, as a picture. */
function diagram(flowchart: string): string {
  const edges = flowchart
    .split('\n')
    .flatMap((line) => {
      const [from, to] = line.trim().split(' --> ')
      return to === undefined ? [] : [[from?.split(' & ') ?? [], to.split(' & ')] as const]
    })
    .map(([from, to]) => `{ ${from.map(quoted).join(' ')} } -> { ${to.map(quoted).join(' ')} }`)
  const style =
    'bgcolor=transparent; node [shape=box style=rounded fontname=sans fontsize=11 height=0.3 margin="0.15,0.05"]; edge [arrowsize=0.6]'
  const svg = graphviz.dot(`digraph { ${style}; ${edges.join('; ')} }`, 'svg')
  const inline = svg.slice(svg.indexOf('<svg')).replaceAll('black', 'currentColor')
  return `<div class="diagram" v-pre>${inline}</div>`
}

function quoted(name: string): string {
  return JSON.stringify(name)
}
