import { createPgDriverFactory } from '@slonik/pg-driver'
import { createPool, type DatabasePool, sql } from 'slonik'
import { longMillis, unended } from '../../../contracts/libraries.ts'
