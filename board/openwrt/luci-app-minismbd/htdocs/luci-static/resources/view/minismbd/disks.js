// The disks that are shared or plugged in: free space, and a button that makes one safe to unplug.
'use strict';
'require view';
'require uci';
'require ui';
'require minismbd.server as server';

function spaceOf(disk) {
	if (disk.fault)
		return [ _('does not answer (%s)').format(disk.fault) ];

	const used = disk.totalBytes > 0 ? Math.round(100 * (disk.totalBytes - disk.freeBytes) / disk.totalBytes) : 0;

	return [ E('div', {
		'class': 'cbi-progressbar',
		'title': _('%s free of %s').format(server.bytes(disk.freeBytes), server.bytes(disk.totalBytes))
	}, [ E('div', { 'style': 'width:%d%%'.format(used) }) ]) ];
}

/** A name for the disk's share: that of its mount point, with a number where it is taken. */
function freeName(mountPoint) {
	const name = mountPoint.split('/').pop().replace(/[^\w .-]/g, '') || 'disk';
	const taken = uci.sections('ksmbd', 'share').map((share) => (share.name || '').toLowerCase());

	for (let number = 1; ; number++) {
		const candidate = number == 1 ? name : '%s %d'.format(name, number);
		if (!taken.includes(candidate.toLowerCase()))
			return candidate;
	}
}

function stateOf(disk) {
	if (disk.isEjected)
		return _('ejected, not unmounted yet');

	if (!disk.isReadOnly)
		return _('mounted');

	return disk.state ? [ _('read-only'), E('br'), E('small', {}, [ disk.state ]) ] : _('read-only');
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	eject: async function(disk) {
		const [ answer ] = await server.eject(disk.mountPoint);

		this.place.refresh();
		if (!answer || !answer.isSafe)
			throw new Error(_('%s cannot be unplugged yet: %s').format(disk.mountPoint, answer ? answer.text : ''));

		ui.addNotification(null, E('p', {}, [
			_('%s can be unplugged now; %d open files were closed.').format(disk.mountPoint, answer.closed)
		]), 'info');
	},

	askToEject: function(disk) {
		const files = disk.opens == 0 ? _('No client has a file open there.')
			: _('Clients have %d files open there; these are closed.').format(disk.opens);

		server.ask(_('Eject disk'), [
			E('p', {}, [ '%s (%s)'.format(disk.mountPoint, disk.source) ]),
			E('p', {}, [ files ])
		], 'negative', _('Eject'), () => this.eject(disk));
	},

	/** Leaves the new share among LuCI's unsaved changes, on the page where it can be changed and applied. */
	share: async function(disk) {
		await uci.load('ksmbd');
		const section = uci.add('ksmbd', 'share');
		uci.set('ksmbd', section, 'name', freeName(disk.mountPoint));
		uci.set('ksmbd', section, 'path', disk.mountPoint);
		uci.set('ksmbd', section, 'read_only', disk.isReadOnly ? 'yes' : 'no');
		await uci.save();
		location.href = L.url('admin/services/minismbd/shares');
	},

	askToShare: function(disk) {
		server.ask(_('Share disk'), [
			E('p', {}, [ '%s (%s)'.format(disk.mountPoint, disk.source) ]),
			E('p', {}, [ _('All users may connect to the new share. Change and apply it on the next page.') ])
		], 'positive', _('Share'), () => this.share(disk));
	},

	buttonsOf: function(disk) {
		if (!disk.isRemovable)
			return '';

		const eject = server.button('negative', _('Eject'), () => this.askToEject(disk));

		return disk.shares.length > 0 ? [ eject ]
			: [ server.button('positive', _('Share'), () => this.askToShare(disk)), ' ', eject ];
	},

	draw: function(disks) {
		return server.table('minismbd-disks', [
			_('Disk'), _('Shares'), _('Space in use'), _('Open files'), _('State'), ''
		], disks.map((disk) => [
			[ disk.mountPoint, E('br'), E('small', {}, [ '%s, %s'.format(disk.source, disk.fileSystem) ]) ],
			disk.shares.length > 0 ? disk.shares.join(', ') : [ E('em', {}, [ _('not shared') ]) ],
			spaceOf(disk),
			disk.opens,
			stateOf(disk),
			this.buttonsOf(disk)
		]), _('No disk is shared or plugged in.'));
	},

	render: function() {
		return server.live(() => server.disks(), (disks) => this.draw(disks), 10).then((place) => {
			this.place = place;

			return E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ _('Disks') ]), place ]);
		});
	}
});
