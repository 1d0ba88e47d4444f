// `npm run docs`: writes the tables of docs/ anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { tables, withTable } from './tables.ts';

for (const table of tables) writeFileSync(table.page, withTable(readFileSync(table.page, 'utf8'), table));
