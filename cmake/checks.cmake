# Rules of the tree that a compiler does not know: with every full build, and a file that breaks one fails it.
if(PYTHON3)
  foreach(check check_layers check_pairs)
    add_custom_target(${check} ALL COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tools/${check}
                      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
  endforeach()
endif()
