import { type BlockingTree, blockingTree, type ServerSnapshot } from '../../src/postgres/index.ts'

/** The tree in the test's own words: who waits directly behind whom. */
export function told(snapshot: ServerSnapshot): {
  tree: BlockingTree
  roots: string[]
  behind: Record<string, string[]>
} {
  const tree = blockingTree(snapshot)
  const nameOf = (id: string) => tree.nodes.find((node) => node.id === id)?.session?.application ?? id
  const behind = tree.nodes.map((node) => [nameOf(node.id), node.behind.map(nameOf).toSorted()] as const)
  return { tree, roots: tree.roots.map(nameOf), behind: Object.fromEntries(behind) }
}
