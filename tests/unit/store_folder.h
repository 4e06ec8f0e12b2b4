/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_folder.h - the folder that a test's writer fills, and that goes with the test.
 */
#ifndef TEST_STORE_FOLDER_H
#define TEST_STORE_FOLDER_H

/* Removes its files and itself; what is not there is no error. */
void store_folder_remove(const char *path);

#endif
