/* What a fuzz target is linked with where there is no libFuzzer: it runs each of its seeds once, so
 * that every build and every sanitizer sees them. A seed that is not as it should be ends the
 * process, as in libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* To be freed; exactly as large as the seed, so that a sanitizer sees a read behind it. */
static uint8_t *read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	long end = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
	uint8_t *octets = end >= 0 ? malloc(end ? (size_t)end : 1) : NULL;

	*size = octets ? (size_t)end : 0;
	if (octets && (fseek(f, 0, SEEK_SET) != 0 || fread(octets, 1, *size, f) != *size)) {
		free(octets);
		octets = NULL;
	}
	if (f)
		fclose(f);
	return octets;
}

static int run_seed(const char *folder, const char *name)
{
	char path[512];
	size_t size;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	uint8_t *octets = read_all(path, &size);
	if (!octets) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	LLVMFuzzerTestOneInput(octets, size);
	free(octets);
	printf("[       OK ] %s\n", path);
	return 0;
}

static int run_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	int err = 0, count = 0;

	for (struct dirent *d; dir && !err && (d = readdir(dir));)
		if (*d->d_name != '.') {
			err = run_seed(folder, d->d_name);
			count++;
		}
	if (dir)
		closedir(dir);
	if (!count)
		fprintf(stderr, "%s: no seeds\n", folder);
	return err || !count;
}

/* From the root of the source: build/fuzz/X_fuzz has its seeds in tests/fuzz/seeds/X. */
int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	char folder[256];

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	size_t n = strlen(name) - (sizeof "_fuzz" - 1);
	snprintf(folder, sizeof folder, "tests/fuzz/seeds/%.*s", (int)n, name);
	return run_folder(folder);
}
