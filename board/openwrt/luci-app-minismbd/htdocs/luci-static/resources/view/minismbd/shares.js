// The server's settings and shares, as UCI has them, and what is strange in the configuration that they make.
'use strict';
'require view';
'require form';
'require tools.widgets as widgets';
'require uci';
'require minismbd.server as server';

/** [MS-FSCC] 2.1.6, and what the service's script cannot write; names of sections that are no shares. */
const NAME_FAULT = /[\u0000-\u001f"\\\/\[\]:|<>+=;,*?]/;
const RESERVED = [ 'global', 'homes', 'printers', 'ipc$', 'pipe', 'mailslot' ];
const MAX_NAME = 80;

function validateName(section, name) {
	if (name.length > MAX_NAME)
		return _('The name is too long.');

	if (NAME_FAULT.test(name))
		return _('The name has a character that no share may have.');

	if (RESERVED.includes(name.toLowerCase()))
		return _('This name is not for shares.');

	const isTaken = uci.sections('ksmbd', 'share').some((other) =>
		other['.name'] != section && (other.name || '').toLowerCase() == name.toLowerCase());

	return isTaken ? _('Another share has this name.') : true;
}

function validatePath(section, path) {
	return /^\/[^\n\r]*$/.test(path) ? true : _('Write the whole path, with a slash in front.');
}

function validateParameter(section, text) {
	return text == '' || /^[^=\[\]#;]+=/.test(text) ? true : _('Write KEY = VALUE.');
}

function yesNo(option, preset) {
	option.enabled = 'yes';
	option.disabled = 'no';
	option.default = preset;
	option.rmempty = false;

	return option;
}

function placeholder(option, text) {
	option.placeholder = text;
	option.optional = true;

	return option;
}

function parameters(section, tab) {
	const option = tab ? section.taboption(tab, form.DynamicList, 'param', _('Other parameters'))
		: section.option(form.DynamicList, 'param', _('Other parameters'));

	option.description = _('Parameters of minismbd.conf(5), one a line: KEY = VALUE.');
	option.placeholder = 'recycle = yes';
	option.validate = validateParameter;

	return option;
}

function addServer(map) {
	const s = map.section(form.TypedSection, 'globals', _('Server'));
	s.anonymous = true;
	s.tab('general', _('General'));
	s.tab('disks', _('Disks'));
	s.tab('advanced', _('Advanced'));

	const networks = s.taboption('general', widgets.NetworkSelect, 'interface', _('Networks'),
		_('Clients connect from these networks alone; without any, from lan.'));
	networks.multiple = true;
	networks.nocreate = true;
	placeholder(s.taboption('general', form.Value, 'workgroup', _('Workgroup')), 'WORKGROUP');
	placeholder(s.taboption('general', form.Value, 'description', _('Description')), 'minismbd on OpenWrt');

	s.taboption('disks', form.Flag, 'auto_share', _('Share disks that are plugged in'),
		_('A share for each disk, by its label, for all users.'));
	s.taboption('disks', form.Flag, 'auto_share_write', _('Clients may write there')).depends('auto_share', '1');

	s.taboption('advanced', form.Flag, 'allow_guest_ipc', _('Guests see the list of shares'));
	parameters(s, 'advanced');
}

function userList(section, tab, name, title, description, users) {
	const option = section.taboption(tab, form.DynamicList, name, title, description);
	users.forEach((user) => option.value(user.name));
	// null: in the table and in the form; false would be the table alone.
	option.modalonly = name == 'users' ? null : true;

	return option;
}

function addShareBasics(s, users) {
	const name = s.taboption('general', form.Value, 'name', _('Name'));
	name.validate = validateName;
	name.rmempty = false;

	const path = s.taboption('general', form.Value, 'path', _('Directory'));
	path.validate = validatePath;
	path.rmempty = false;
	path.placeholder = '/mnt/sda1/photos';

	s.taboption('general', form.Value, 'comment', _('Comment')).modalonly = true;
	yesNo(s.taboption('general', form.Flag, 'read_only', _('Read-only')), 'yes');
	const allowed = userList(s, 'general', 'users', _('Users'), _('Who may connect; without any, every user.'), users);
	// LuCI takes it for HTML.
	allowed.textvalue = (section) => '%h'.format(L.toArray(allowed.cfgvalue(section)).join(', ') || _('all'));
	yesNo(s.taboption('general', form.Flag, 'guest_ok', _('Guests'),
		_('Everybody in the network, without a password. Windows 11 refuses to connect as a guest.')), 'no');
}

function addShareDetails(s, users) {
	userList(s, 'access', 'write_list', _('May write'), _('These users write although the share is read-only.'), users);
	userList(s, 'access', 'read_list', _('May only read'), _('These users read although others write.'), users);
	yesNo(s.taboption('access', form.Flag, 'browseable', _('Shown in lists')), 'yes').modalonly = true;
	s.taboption('access', form.Flag, 'force_root', _('Act as root'),
		_('Clients use files with the rights of root, whoever owns them.')).modalonly = true;
	yesNo(s.taboption('access', form.Flag, 'inherit_owner', _('New files belong to the owner of their folder')), 'no')
		.modalonly = true;

	for (const [ key, title, preset ] of [
		[ 'create_mask', _('Mask of files'), '0744' ],
		[ 'dir_mask', _('Mask of folders'), '0755' ],
		[ 'force_create_mode', _('Added rights of files'), '0000' ],
		[ 'force_directory_mode', _('Added rights of folders'), '0000' ]
	]) {
		const option = placeholder(s.taboption('files', form.Value, key, title), preset);
		option.modalonly = true;
		option.validate = (section, value) => value == '' || /^[0-7]{3,4}$/.test(value) ? true : _('Write an octal number.');
	}

	yesNo(s.taboption('files', form.Flag, 'hide_dot_files', _('Hide files that begin with a dot')), 'yes').modalonly = true;
	placeholder(s.taboption('files', form.Value, 'veto_files', _('Files that nobody sees')), '/Thumbs.db/.DS_Store/')
		.modalonly = true;
	s.taboption('files', form.Flag, 'timemachine', _('Time Machine'),
		_('Macs offer the share for their backups.')).modalonly = true;
	const size = placeholder(s.taboption('files', form.Value, 'timemachine_maxsize', _('Room for backups')), '500G');
	size.modalonly = true;
	size.depends('timemachine', '1');
	size.validate = (section, value) => value == '' || /^[1-9][0-9]*[KMGT]?$/i.test(value) ? true : _('Write a size such as 500G.');
	parameters(s, 'files').modalonly = true;
}

function addShares(map, users) {
	const s = map.section(form.GridSection, 'share', _('Shares'));
	s.anonymous = true;
	s.addremove = true;
	s.sortable = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add share');
	// Without the share's name: some versions of LuCI undo its escaping and take the title for HTML.
	s.modaltitle = () => _('Share');
	s.tab('general', _('General'));
	s.tab('access', _('Access'));
	s.tab('files', _('Files'));
	addShareBasics(s, users);
	addShareDetails(s, users);
}

/** What testparm finds; hints without a fault stay out. */
function drawNotes(report) {
	const notes = (report.notes || []).filter(({ kind }) => kind != 'info');
	if (report.error)
		notes.unshift({ kind: 'error', text: report.error });

	if (notes.length == 0)
		return E([]);

	return E('div', { 'class': 'alert-message warning', 'id': 'minismbd-notes' }, [
		E('h4', {}, [ _('The configuration needs a look') ]),
		E('ul', { 'style': 'margin-left:1.5em' }, notes.map(({ text }) => E('li', {}, [ text ])))
	]);
}

return view.extend({
	load: function() {
		const fault = (error) => ({ error: error.message || String(error) });

		return Promise.all([ L.resolveDefault(server.users(), []), server.testparm().catch(fault) ]);
	},

	render: function(answers) {
		const map = new form.Map('ksmbd', _('File server'),
			_('Shares folders with Windows, macOS, Linux, phones and television sets.'));
		addServer(map);
		addShares(map, answers[0]);

		return map.render().then((node) => E('div', {}, [ drawNotes(answers[1]), node ]));
	}
});
