import { expect, it } from 'vitest'
import { githubAnnotations } from '../../src/reporters/github.ts'
import { findings } from './ci-findings.ts'

it('annotates lines of source, each once', () => {
  expect(githubAnnotations(findings).split('\n')).toEqual([
    '::error file=src/my orders%2C 100%25.ts,line=12,col=29,title=outlived-scope in pool main::release was not reached: an early return | <b>, "50%25"\ufffd',
    '::error title=outlived-scope in pool main::release was not reached: an early return | <b>, "50%25"\ufffd',
    '::warning file=/app/src/orders.ts,line=12,col=29,title=idle-transaction in pool main::neither COMMIT nor ROLLBACK followed the last statement for 10 s',
    '',
  ])
})
