# libdim as a CMake package: find_package(dim), then link dim::dim (everything) or a layer such as dim::identity.
#   cmake --install build/release                                    programs, library, headers
#   cmake --install build/release --component library                libdim alone
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(dim_library_layers base crypto identity native message protocol packet store engine)
set(dim_package ${CMAKE_INSTALL_LIBDIR}/cmake/dim)

add_library(dim_dim INTERFACE)
set_target_properties(dim_dim PROPERTIES EXPORT_NAME dim)
target_link_libraries(dim_dim INTERFACE dim_engine dim_packet)
set(targets dim_dim)
foreach(layer IN LISTS dim_library_layers)
  get_target_property(kind dim_${layer} TYPE)
  if(kind STREQUAL INTERFACE_LIBRARY)
    target_compile_features(dim_${layer} INTERFACE cxx_std_23)
  else()
    target_compile_features(dim_${layer} PUBLIC cxx_std_23)
  endif()
  list(APPEND targets dim_${layer})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/dim/${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dim COMPONENT library
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(TARGETS ${targets} EXPORT dim_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(EXPORT dim_targets NAMESPACE dim:: FILE dimTargets.cmake DESTINATION ${dim_package} COMPONENT library)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/dimConfig.cmake.in ${CMAKE_BINARY_DIR}/dimConfig.cmake
                              INSTALL_DESTINATION ${dim_package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/dimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/dimConfig.cmake ${CMAKE_BINARY_DIR}/dimConfigVersion.cmake
        DESTINATION ${dim_package} COMPONENT library)

foreach(program dimd dim dim-picture)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
  endif()
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
