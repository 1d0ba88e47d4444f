import { render } from 'preact';
import { Admin } from './admin.tsx';

const root = document.getElementById('app');
if (root !== null) render(<Admin />, root);
